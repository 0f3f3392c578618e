/** That a study may not be of whom it says, in a row of the list and beside the patient's name. */

import { counted, t } from "@/i18n";
import { isDoubtful, type Doubt } from "@/model/doubt";
import { Icon } from "@/ui/icons";
import { patientFacts } from "@/ui/patient";
import { Popup } from "@/worklist/Popup";
import "@/ui/doubt.css";

/** Who else it may be, a sentence each. */
export function doubtWords({ others, objects }: Doubt): string[] {
  const people = others.map(({ name, birthDate, sex }) =>
    [name || t("patient.unnamed"), patientFacts({ birthDate, sex, studyDate: "" })].filter((part) => part !== "").join(", "),
  );
  return [
    ...(people.length > 0 ? [t("doubt.others", { people: people.join("; ").replace(/\.$/, "") })] : []),
    ...(objects > 0 ? [counted("doubt.objects", objects)] : []),
  ];
}

/** In a row, which is pressed as a whole. */
export function DoubtMark({ doubt }: { readonly doubt: Doubt }) {
  if (!isDoubtful(doubt)) return null;
  const words = doubtWords(doubt).join(" ");
  return (
    <span class="doubt" data-testid="doubt" title={words}>
      <Icon name="warning" />
      {t("doubt.mark")}
      <span class="hidden-label">{words}</span>
    </span>
  );
}

/** Beside the patient's name: a press tells why. */
export function DoubtNote({ doubt }: { readonly doubt: Doubt }) {
  if (!isDoubtful(doubt)) return null;
  return (
    <div role="alert" data-testid="doubt-note">
      <Popup
        name="doubt"
        label={t("doubt.mark")}
        icon="warning"
        class="doubt-place"
        look="button doubt-button"
        content={() => (
          <div class="doubt-words">
            {doubtWords(doubt).map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
            <p>{t("doubt.explain")}</p>
          </div>
        )}
      />
    </div>
  );
}
