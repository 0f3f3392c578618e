/** How renderings look, true to their names: which voxels are seen, and in which colours. */

type Colour = readonly [value: number, red: number, green: number, blue: number];
type Opacity = readonly [value: number, opacity: number];

export interface Appearance {
  /** Values are Hounsfield units, or, of MR, shares of the window. */
  readonly of: "hounsfield" | "window";
  readonly colours: readonly Colour[];
  /** Of a voxel; below the first and above the last as theirs. */
  readonly opacity: readonly Opacity[];
  /** The brightest voxel along each ray alone. */
  readonly brightest?: boolean;
}

const GREY: readonly Colour[] = [[0, 0, 0, 0], [1, 1, 1, 1]]; // prettier-ignore
const BONE: readonly Colour[] = [[150, 0.72, 0.55, 0.4], [450, 0.94, 0.86, 0.71], [1200, 1, 1, 0.96]]; // prettier-ignore
const FLESH: readonly Colour[] = [[-60, 0.55, 0.28, 0.18], [40, 0.86, 0.58, 0.47], [150, 0.95, 0.76, 0.65], [450, 1, 0.95, 0.87]]; // prettier-ignore
const BLOOD: readonly Colour[] = [[100, 0.45, 0.08, 0.06], [250, 0.85, 0.22, 0.16], [500, 0.98, 0.86, 0.72], [1200, 1, 1, 0.96]]; // prettier-ignore
const ALL: readonly Opacity[] = [[0, 1]];

/** By their names in the list. */
export const APPEARANCES: Readonly<Record<string, Appearance>> = {
  "CT-Bone": { of: "hounsfield", colours: BONE, opacity: [[200, 0], [350, 0.5], [800, 0.9]] },
  "CT-Soft-Tissue": { of: "hounsfield", colours: FLESH, opacity: [[-60, 0], [0, 0.2], [60, 0.4], [250, 0.6]] },
  "CT-Muscle": { of: "hounsfield", colours: FLESH, opacity: [[20, 0], [50, 0.35], [100, 0.35], [300, 0.7]] },
  "CT-Lung": { of: "hounsfield", colours: [[-950, 0.2, 0.3, 0.4], [-700, 0.5, 0.7, 0.8], [-450, 0.95, 0.95, 0.95]], opacity: [[-960, 0], [-880, 0.04], [-650, 0.1], [-450, 0.04], [-350, 0]] },
  "CT-AAA": { of: "hounsfield", colours: BLOOD, opacity: [[140, 0], [220, 0.4], [500, 0.8]] },
  "CT-Coronary-Arteries": { of: "hounsfield", colours: BLOOD, opacity: [[120, 0], [200, 0.25], [350, 0.8]] },
  "CT-Liver-Vasculature": { of: "hounsfield", colours: BLOOD, opacity: [[110, 0], [160, 0.3], [300, 0.7]] },
  "CT-MIP": { of: "hounsfield", colours: [[-100, 0, 0, 0], [700, 1, 1, 1]], opacity: ALL, brightest: true },
  "MR-Default": { of: "window", colours: GREY, opacity: [[0.15, 0], [0.4, 0.15], [1, 0.6]] },
  "MR-Angio": { of: "window", colours: [[0.5, 0.4, 0.05, 0.05], [0.8, 0.9, 0.3, 0.2], [1, 1, 0.9, 0.8]], opacity: [[0.5, 0], [0.7, 0.4], [1, 0.9]] },
  "MR-T2-Brain": { of: "window", colours: GREY, opacity: [[0.2, 0], [0.5, 0.08], [0.8, 0.4], [1, 0.6]] },
  "MR-MIP": { of: "window", colours: GREY, opacity: ALL, brightest: true },
}; // prettier-ignore

/** The value in the volume that a value of the table stands for. */
export function valueOf({ of }: Appearance, value: number, { lower, upper }: { readonly lower: number; readonly upper: number }): number {
  return of === "hounsfield" ? value : lower + value * (upper - lower);
}
