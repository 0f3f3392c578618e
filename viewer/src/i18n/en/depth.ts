/** Measuring on planes, PET over CT, curves over time and along vessels. */

export const depth = {
  "measure.slab": "No values in a slab",
} as const;
