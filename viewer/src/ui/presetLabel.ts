import { t } from "@/i18n";
import type { Preset } from "@/tools/presets";

/** The name of a window in the list. */
export function presetLabel({ label }: Preset): string {
  return "key" in label ? t(label.key) : label.text;
}
