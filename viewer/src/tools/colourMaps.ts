/** Colour maps for greys, by the names they are known by everywhere; the first is none. */

export interface ColourMap {
  /** As vtk.js knows it. */
  readonly name: string;
  /** A proper name, the same in every language. */
  readonly label: string;
}

export const PLAIN_COLOURS = "Grayscale";

const NAMES: readonly (readonly [name: string, label: string])[] = [
  [PLAIN_COLOURS, "Gray"],
  ["Black-Body Radiation", "Hot metal"],
  ["2hot", "Hot"],
  ["heated_object", "Heated object"],
  ["RED_TEMPERATURE", "Red temperature"],
  ["jet", "Jet"],
  ["rainbow", "Rainbow"],
  ["erdc_rainbow_bright", "Rainbow, bright"],
  ["Blue to Red Rainbow", "Blue–red"],
  ["Rainbow Desaturated", "Rainbow, desaturated"],
  ["Rainbow Blended Black", "Rainbow, black"],
  ["hsv", "HSV"],
  ["Cool to Warm", "Cool–warm"],
  ["Cold and Hot", "Cold–hot"],
  ["bone_Matlab", "Bone"],
  ["copper_Matlab", "Copper"],
  ["pink_Matlab", "Pink"],
  ["Viridis (matplotlib)", "Viridis"],
  ["Plasma (matplotlib)", "Plasma"],
  ["Inferno (matplotlib)", "Inferno"],
  ["Magma (matplotlib)", "Magma"],
  ["BkRd", "Red"],
  ["BkGn", "Green"],
  ["BkBu", "Blue"],
  ["BkMa", "Magenta"],
  ["BkCy", "Cyan"],
];

export const COLOUR_MAPS: readonly ColourMap[] = NAMES.map(([name, label]) => ({ name, label }));
