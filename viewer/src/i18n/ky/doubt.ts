import type { Translated } from "@/i18n/catalogue";
import type { doubt as english } from "@/i18n/en/doubt";

export const doubt: Translated<typeof english> = {
  "doubt.mark": "Башка бейтаппы?",
  "doubt.others": "Бул бейтап ID-си башка адамда да бар: {people}.",
  "doubt.objects": { other: "Ушул изилдөөнүн {count} объектисинде башка бейтап көрсөтүлгөн." },
  "doubt.explain": "Корутунду жазардан мурун бул кимдин изилдөөсү экенине ынаныңыз.",
};
