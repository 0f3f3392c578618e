/**
 * What vtk.js and Cornerstone forget to give back to the graphics card, mended while the viewer is built: a reader opens
 * hundreds of studies in one page, and a card has no collector of garbage. And a sum and a size that they have wrong.
 */

import type { Plugin } from "vite";

interface Mend {
  readonly file: RegExp;
  /** What stands there, and what stands there instead. */
  readonly changes: readonly (readonly [from: string, to: string])[];
}

/** Tables of colours and opacities that no other image shares. */
const ownTables = (renderWindow: string): readonly [colours: string, opacity: string] => [
  `if (!model._colorTransferFunc) model.colorTexture?.releaseGraphicsResources(${renderWindow});`,
  `if (!model._pwFunc) model.pwfTexture?.releaseGraphicsResources(${renderWindow});`,
];
const [COLOURS, OPACITY] = ownTables("model._openGLRenderWindow");
const COLOURS_AGAIN = "if (!cTex?.oglObject?.getHandle() || cTex?.hash !== cfunToString) {";
const OPACITY_AGAIN = "if (!pwfTex?.oglObject?.getHandle() || pwfTex?.hash !== pwfunToString) {";
const IMAGE_GIVES_BACK = "model.openGLTexture.releaseGraphicsResources(renderWindow);";
const LAST_OF_MEAN = String.raw`sum += value;\n      #if vtkBlendMode == AVERAGE_INTENSITY_BLEND\n        totalWeight += raySteps - stepsTraveled;`;
const SIZES_OF_REST = `const newMax = this.calculateMaxSizeForContext(contextIndex);
            this.contextMaxSizes.set(contextIndex, newMax);
        }
    }
    destroy() {`;
const REBUILDS = "publicAPI.getNeedToRebuildBufferObjects = (ren, actor) => {";

const MENDS: readonly Mend[] = [
  {
    // The tables are made anew with every change of the window, and the rectangle with every image.
    file: /vtk\.js\/Rendering\/OpenGL\/ImageMapper\.js$/,
    changes: [
      [COLOURS_AGAIN, `${COLOURS_AGAIN} ${COLOURS}`],
      [OPACITY_AGAIN, `${OPACITY_AGAIN} ${OPACITY}`],
      [IMAGE_GIVES_BACK, [IMAGE_GIVES_BACK, ...ownTables("renderWindow"), "model.tris.releaseGraphicsResources(renderWindow);"].join(" ")],
    ],
  },
  {
    // Of a mean along a ray the last sample had its whole value and a part of a weight: slabs were brighter than they are.
    file: /vtk\.js\/Rendering\/OpenGL\/glsl\/vtkVolumeFS\.glsl\.js$/,
    changes: [
      [LAST_OF_MEAN, LAST_OF_MEAN.replace("sum += value;", "sum += value * (raySteps - stepsTraveled);")],
      ["getColorForValue(value * raySteps, posVC, posIS)", "getColorForValue(value, posVC, posIS)"],
    ],
  },
  {
    // Without being told of which window, a texture gave back nothing: the voxels of every volume stayed.
    file: /vtk\.js\/Rendering\/OpenGL\/Texture\.js$/,
    changes: [["publicAPI.releaseGraphicsResources = (rwin) => {", "publicAPI.releaseGraphicsResources = (rwin = model._openGLRenderWindow) => {"]],
  },
  {
    // Where the largest viewport went, the size of the rest was noted, and the canvas they are drawn on kept its own: they
    // were drawn too large. Unnoted, it is found to have changed when the next of them is drawn.
    file: /RenderingEngine\/WebGLContextPool\.js$/,
    changes: [[SIZES_OF_REST, "}\n    }\n    destroy() {"]],
  },
  {
    // It counts in a table of its own what it shares, which nobody looked at when it went.
    file: /vtkClasses\/vtkStreamingOpenGLVolumeMapper\.js$/,
    changes: [
      [
        REBUILDS,
        `const goes = publicAPI.delete;
    publicAPI.delete = () => {
        const renderWindow = model._openGLRenderWindow;
        if (renderWindow) {
            for (const shared of graphicsResourceReferenceCount.keys()) renderWindow.unregisterGraphicsResourceUser(shared, publicAPI);
            graphicsResourceReferenceCount.clear();
            model.jitterTexture.releaseGraphicsResources(renderWindow);
            model.tris.releaseGraphicsResources(renderWindow);
        }
        goes();
    };
    ${REBUILDS}`,
      ],
    ],
  },
];

export function graphicsGivenBack(): Plugin {
  return {
    name: "graphics-given-back",
    transform: {
      filter: { id: MENDS.map(({ file }) => file) },
      handler(code, id) {
        let mended = code;
        for (const [from, to] of MENDS.find(({ file }) => file.test(id))?.changes ?? []) {
          if (!mended.includes(from)) this.error(`${id} changed: look at what it gives back to the graphics card`);
          mended = mended.replace(from, () => to);
        }
        return { code: mended, map: null };
      },
    },
  };
}
