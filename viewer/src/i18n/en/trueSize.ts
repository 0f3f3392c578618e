/** What is said of images in their true size, and of how large a display is. */

export const trueSize = {
  "tool.trueSize": "True size",
  "tool.trueSize.explain": "True size: a millimetre of the image is one on the screen",
  "size.heading": "Size of this display",
  "size.explain": "Images can then be shown in their true size. Hold a bank card or a ruler against the bar and move the slider until both are as long. It is kept in this browser, for a display of this resolution: do it again when the window moves to another one.",
  "size.reference": "What is held against the bar",
  "size.reference.cardLong": "Bank card, long side",
  "size.reference.cardShort": "Bank card, short side",
  "size.reference.ruler": "Ruler, 10 cm",
  "size.slider": "Length of the bar",
  "size.perMm": "{count} pixels per mm",
  "size.keep": "Both are as long",
  "size.forget": "Forget",
  "size.unknown": "This display has not been measured.",
  "size.known": "Measured: {count} pixels per mm.",
  "size.true": "True size",
  "size.true.detector": "True size at the detector",
  "size.true.magnified": "True size by estimated magnification",
  "size.true.calibrated": "True size by calibration",
  "size.ask": "The size of this display is not known yet. Measure it once, with a bank card or a ruler; then call the true size again.",
  "size.measure": "Measure the display (new tab)",
} as const;
