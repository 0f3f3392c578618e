/** Kazakh. */

import type { Catalogue } from "@/i18n/catalogue";
import { administration } from "@/i18n/kk/administration";
import { curved } from "@/i18n/kk/curved";
import { correction } from "@/i18n/kk/correction";
import { deletion } from "@/i18n/kk/deletion";
import { depth } from "@/i18n/kk/depth";
import { everyone } from "@/i18n/kk/everyone";
import { doubt } from "@/i18n/kk/doubt";
import { exchange } from "@/i18n/kk/exchange";
import { documents } from "@/i18n/kk/documents";
import { graphics } from "@/i18n/kk/graphics";
import { offline } from "@/i18n/kk/offline";
import { identity } from "@/i18n/kk/identity";
import { phone } from "@/i18n/kk/phone";
import { picture } from "@/i18n/kk/picture";
import { pictures } from "@/i18n/kk/pictures";
import { refusals } from "@/i18n/kk/refusals";
import { saving } from "@/i18n/kk/saving";
import { states } from "@/i18n/kk/states";
import { settings } from "@/i18n/kk/settings";
import { shell } from "@/i18n/kk/shell";
import { study } from "@/i18n/kk/study";
import { tools } from "@/i18n/kk/tools";
import { trueSize } from "@/i18n/kk/trueSize";
import { volume } from "@/i18n/kk/volume";
import { worklist } from "@/i18n/kk/worklist";

export const kk: Catalogue = { ...shell, ...worklist, ...administration, ...study, ...tools, ...picture, ...phone, ...volume, ...depth, ...curved, ...exchange, ...documents, ...saving, ...pictures, ...identity, ...offline, ...everyone, ...settings, ...states, ...deletion, ...correction, ...doubt, ...graphics, ...trueSize, ...refusals };
