/** What is said in and about a picture. */

export const picture = {
  "unit.ms": "ms",

  "quality.preview": "Preview",
  "quality.partial": "Partial",
  "quality.full": "Full quality",
  "quality.rendered": "Node’s picture",
  "quality.left": "{megabytes} MB left",

  "display.heading": "Test pattern",
  "display.words": "What should be seen",
  "display.caution": "Not for diagnosis on a display that is not calibrated: only a photometer tells whether it follows the DICOM greyscale (GSDF).",
  "display.scaled": "The page is scaled: single pixels cannot be judged. Set the browser's zoom to 100 %.",
  "display.look.ends": "The grey square in the black one (5 %) and the one in the white one (95 %) are both visible.",
  "display.look.steps": "In each of the eighteen squares both small squares are visible, the darker and the brighter one.",
  "display.look.lines": "The two striped squares show single lines, without colour and without patterns of their own.",
  "display.look.ramp": "The ramp is smooth: no steps, no colours.",
  "display.look.grid": "The lines are straight, and the white border is visible on all four sides.",

  "pixel.at": "{column}, {row}:",
  "pixel.none": "no value: the node's picture",

  "suv.none": "no SUV: {why}",
  "suv.refused.modality": "no PET image",
  "suv.refused.units": "the values are not in Bq/mL",
  "suv.refused.corrections": "not corrected for attenuation and decay",
  "suv.refused.decay": "the time of decay correction is unknown",
  "suv.refused.weight": "the patient's weight is missing",
  "suv.refused.dose": "the injected dose or its half-life is missing",
  "suv.refused.times": "the times of injection and scan are missing or contradict each other",

  "spacing.detector": "Sizes at the detector, larger than in the patient",
  "spacing.magnified": "Sizes by estimated magnification",
  "spacing.none": "Not calibrated: no sizes in mm",

  "viewport.label": "Image {index} of {total}",
  "viewport.image": "Image",
  "viewport.series": "Series",
  "viewport.window": "W {width}  L {center}",
  "viewport.zoom": "Zoom {percent} %",
  "viewport.thickness": "Slice {mm} mm",
  "viewport.lossy": "Lossy compression",
  "viewport.preview": "Preview",
  "viewport.preview.explain": "Preview: the diagnostic image is loading",
  "viewport.partial.explain": "The fine detail is still loading",
  "viewport.rendered": "Not for diagnosis: picture made by the node",
  "viewport.failed": "This image cannot be shown.",
  "viewport.failed.hint": "It is kept safely in the archive and can be retrieved.",
  "viewport.broken": "The diagnostic viewer could not start. Previews are shown instead.",
  "viewport.slider": "Image in the stack",
  "viewport.loaded": "{loaded} of {total} images loaded",
  "viewport.previousSeries": "Previous series",
  "viewport.nextSeries": "Next series",

  "unit.mm": "mm",
  "unit.px": "px",
} as const;
