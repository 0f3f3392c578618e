/** Display states: what is taken away, laid over, and left to the archive. */

export const states = {
  "states.own": "of the display state",
  "states.show": "Show the images so",
  "states.picture": "The archive's picture of this display",
  "states.picture.explain": "This display state has tables, masks or blending which this viewport does not apply to the pixels themselves. What you see is the picture that the archive makes of it: no values, no measurements.",
  "states.failed": "The archive cannot draw this display state. Choose another display, or reset the image.",
  "states.unknown": "cannot be shown here: it is of volumes or of a processing pipeline",
  "states.masks": "Subtracted: mask {frames}",
  "states.masks.explain": "Digital subtraction: each frame less its mask. Press to change between subtracted and native frames.",
  "states.natural": "Native, not subtracted",
} as const;
