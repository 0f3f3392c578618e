/** Whether studies of this kind open with the patient's earlier examination beside: a line of the menus that hang and compare. */

import { t } from "@/i18n";
import { isPhone } from "@/model/device";
import type { Hanger } from "@/model/hanger";

export function BesideSwitch({ hanger }: { readonly hanger: Hanger }) {
  if (isPhone() || hanger.modalities === "") return null;
  const on = hanger.beside.isWanted;
  return (
    <button type="button" role="menuitemcheckbox" aria-checked={on} data-testid="hanging-beside" onClick={() => hanger.hangBeside(!on)}>
      {t("hanging.beside", { modalities: hanger.modalities.replaceAll("+", ", ") })}
    </button>
  );
}
