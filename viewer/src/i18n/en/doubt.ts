/** A study that may not be of whom it says. */

export const doubt = {
  "doubt.mark": "Another patient?",
  "doubt.others": "This Patient ID is also somebody else's: {people}.",
  "doubt.objects": { one: "{count} object of this study names another patient.", other: "{count} objects of this study name another patient." },
  "doubt.explain": "Make sure whose examination it is before you report.",
} as const;
