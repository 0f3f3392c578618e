/** Every test may ask for texts: the first language is loaded before. */

import { firstLanguage } from "@/i18n";

await firstLanguage();
