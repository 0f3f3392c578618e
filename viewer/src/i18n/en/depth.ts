/** Measuring on planes, PET over CT, curves over time and along vessels. */

export const depth = {
  "measure.slab": "No values in a slab",
  "fusion.choose": "Lay over",
  "fusion.none": "Nothing laid over",
  "fusion.opacity": "Opacity of what lies over",
  "fusion.colours": "Colours of what lies over",
  "fusion.window": "Window of what lies over",
  "fusion.loading": "Loading what lies over",
  "fusion.refused.patient": "Not laid over: the images name another patient",
  "fusion.refused.reference": "Not laid over: both series have no common frame of reference",
  "fusion.refused.volume": "Not laid over: its images make no volume",
  "fusion.refused.pixels": "Not laid over: its pixels cannot be read here",
  "fusion.refused.memory": "Not laid over: this device has no room for it",
} as const;
