/** Kyrgyz. */

import type { Catalogue } from "@/i18n/catalogue";
import { administration } from "@/i18n/ky/administration";
import { curved } from "@/i18n/ky/curved";
import { correction } from "@/i18n/ky/correction";
import { deletion } from "@/i18n/ky/deletion";
import { depth } from "@/i18n/ky/depth";
import { everyone } from "@/i18n/ky/everyone";
import { doubt } from "@/i18n/ky/doubt";
import { exchange } from "@/i18n/ky/exchange";
import { documents } from "@/i18n/ky/documents";
import { graphics } from "@/i18n/ky/graphics";
import { offline } from "@/i18n/ky/offline";
import { identity } from "@/i18n/ky/identity";
import { phone } from "@/i18n/ky/phone";
import { picture } from "@/i18n/ky/picture";
import { pictures } from "@/i18n/ky/pictures";
import { refusals } from "@/i18n/ky/refusals";
import { saving } from "@/i18n/ky/saving";
import { states } from "@/i18n/ky/states";
import { settings } from "@/i18n/ky/settings";
import { shell } from "@/i18n/ky/shell";
import { study } from "@/i18n/ky/study";
import { tools } from "@/i18n/ky/tools";
import { trueSize } from "@/i18n/ky/trueSize";
import { volume } from "@/i18n/ky/volume";
import { worklist } from "@/i18n/ky/worklist";

export const ky: Catalogue = { ...shell, ...worklist, ...administration, ...study, ...tools, ...picture, ...phone, ...volume, ...depth, ...curved, ...exchange, ...documents, ...saving, ...pictures, ...identity, ...offline, ...everyone, ...settings, ...states, ...deletion, ...correction, ...doubt, ...graphics, ...trueSize, ...refusals };
