/** What is said of the overlay planes of an image. */

export const graphics = {
  "tool.graphics": "Graphics",
  "tool.graphics.explain": "Graphics of the image (overlay planes)",
  "planes.title": "Overlay planes",
  "planes.region": "Region",
  "planes.graphics": "Graphics",
} as const;
