/** English: the list of messages. The other catalogues have its type, so a missing key does not compile. */

import { administration } from "@/i18n/en/administration";
import { curved } from "@/i18n/en/curved";
import { correction } from "@/i18n/en/correction";
import { deletion } from "@/i18n/en/deletion";
import { depth } from "@/i18n/en/depth";
import { everyone } from "@/i18n/en/everyone";
import { doubt } from "@/i18n/en/doubt";
import { exchange } from "@/i18n/en/exchange";
import { documents } from "@/i18n/en/documents";
import { graphics } from "@/i18n/en/graphics";
import { offline } from "@/i18n/en/offline";
import { identity } from "@/i18n/en/identity";
import { phone } from "@/i18n/en/phone";
import { picture } from "@/i18n/en/picture";
import { pictures } from "@/i18n/en/pictures";
import { refusals } from "@/i18n/en/refusals";
import { saving } from "@/i18n/en/saving";
import { states } from "@/i18n/en/states";
import { settings } from "@/i18n/en/settings";
import { shell } from "@/i18n/en/shell";
import { study } from "@/i18n/en/study";
import { tools } from "@/i18n/en/tools";
import { trueSize } from "@/i18n/en/trueSize";
import { volume } from "@/i18n/en/volume";
import { worklist } from "@/i18n/en/worklist";

export const en = { ...shell, ...worklist, ...administration, ...study, ...tools, ...picture, ...phone, ...volume, ...depth, ...curved, ...exchange, ...documents, ...saving, ...pictures, ...identity, ...offline, ...everyone, ...settings, ...states, ...deletion, ...correction, ...doubt, ...graphics, ...trueSize, ...refusals } as const;
