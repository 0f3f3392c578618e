/** Saving what was measured and marked. */

export const saving = {
  "tool.save": "Save…",
  "tool.save.explain": "Save measurements and key images into the archive",
  "save.measurements": { one: "{count} measurement", other: "{count} measurements" },
  "save.keyImages": { one: "{count} key image", other: "{count} key images" },
  "save.unsaved": "not saved",
  "save.now": "Save into the archive",
  "save.forbidden": "You may look and measure, but your account may not save into the archive. Ask the administrator.",
  "save.display": "Save how this image is displayed",
  "save.displays": "Saved displays",
  "save.saving": "Saving…",
  "save.saved": "Saved.",
  "save.waiting": "Kept on this device; it is sent when the server can be reached.",
  "save.failed": "This could not be saved; nothing of it is lost here.",
  "save.nowhere": {
    one: "{count} measurement on planes cannot be saved: its images do not say in which space they lie (no Frame of Reference UID). Measure on the images themselves to keep it.",
    other: "{count} measurements on planes cannot be saved: their images do not say in which space they lie (no Frame of Reference UID). Measure on the images themselves to keep them.",
  },
  "save.elsewhere": {
    one: "{count} measurement lies on another examination and is not saved from here. Open that examination to measure and save there.",
    other: "{count} measurements lie on another examination and are not saved from here. Open that examination to measure and save there.",
  },
  "save.withdrawn": {
    one: "{count} unsaved measurement lies on an image that was rejected or deleted. It cannot be saved unless the image is restored while this study is open.",
    other: "{count} unsaved measurements lie on images that were rejected or deleted. They cannot be saved unless the images are restored while this study is open.",
  },
  "save.held": "Nothing is saved yet, because something would be left out:",
  "save.held.measurements": {
    one: "{count} measurement of your saved report lies on an image that was rejected or deleted since. The new report is without it; the earlier report keeps it.",
    other: "{count} measurements of your saved report lie on images that were rejected or deleted since. The new report is without them; the earlier report keeps them.",
  },
  "save.held.keyImages": {
    one: "{count} key image was rejected or deleted since. The new selection is without it.",
    other: "{count} key images were rejected or deleted since. The new selection is without them.",
  },
  "save.without": "Save without them",
  "save.leave": "Not saved yet",
  "save.leave.explain": "Measurements or key images of this study are not in the archive yet.",
  "save.leave.save": "Save and leave",
  "save.leave.anyway": "Leave without saving",
  "save.leave.stay": "Stay",
} as const;
