/** Russian. */

import type { Catalogue } from "@/i18n/catalogue";
import { administration } from "@/i18n/ru/administration";
import { curved } from "@/i18n/ru/curved";
import { correction } from "@/i18n/ru/correction";
import { deletion } from "@/i18n/ru/deletion";
import { depth } from "@/i18n/ru/depth";
import { everyone } from "@/i18n/ru/everyone";
import { doubt } from "@/i18n/ru/doubt";
import { exchange } from "@/i18n/ru/exchange";
import { documents } from "@/i18n/ru/documents";
import { graphics } from "@/i18n/ru/graphics";
import { offline } from "@/i18n/ru/offline";
import { identity } from "@/i18n/ru/identity";
import { phone } from "@/i18n/ru/phone";
import { picture } from "@/i18n/ru/picture";
import { pictures } from "@/i18n/ru/pictures";
import { refusals } from "@/i18n/ru/refusals";
import { saving } from "@/i18n/ru/saving";
import { states } from "@/i18n/ru/states";
import { settings } from "@/i18n/ru/settings";
import { shell } from "@/i18n/ru/shell";
import { study } from "@/i18n/ru/study";
import { tools } from "@/i18n/ru/tools";
import { trueSize } from "@/i18n/ru/trueSize";
import { volume } from "@/i18n/ru/volume";
import { worklist } from "@/i18n/ru/worklist";

export const ru: Catalogue = { ...shell, ...worklist, ...administration, ...study, ...tools, ...picture, ...phone, ...volume, ...depth, ...curved, ...exchange, ...documents, ...saving, ...pictures, ...identity, ...offline, ...everyone, ...settings, ...states, ...deletion, ...correction, ...doubt, ...graphics, ...trueSize, ...refusals };
