/** Measurements of a single point: it is seen on every plane that goes through it, however that is turned. */

import { getEnabledElement, utilities, type Types } from "@cornerstonejs/core";
import { LabelTool, ProbeTool, type AnnotationTool, type Types as ToolTypes } from "@cornerstonejs/tools";

type Annotation = ToolTypes.Annotation;

const LONE: ReadonlySet<string> = new Set([ProbeTool.toolName, LabelTool.toolName]);
const EPSILON_MM = 1e-3;

/** The point of the patient, of a measurement that has but one. */
export function lonePoint({ metadata, data }: Annotation): Types.Point3 | undefined {
  return LONE.has(metadata?.toolName ?? "") ? data.handles?.points?.[0] : undefined;
}

/** Let a tool show its points so; what it shows otherwise is parallel to the plane it was drawn on. */
export function showOnEveryPlane(tool: AnnotationTool, toolName: string): void {
  if (!LONE.has(toolName)) return;
  tool.filterInteractableAnnotationsForElement = (element, annotations) => {
    const viewport = getEnabledElement(element)?.viewport as Types.IVolumeViewport | undefined;
    if (!viewport) return [];
    const camera = viewport.getCamera();
    const { spacingInNormalDirection } = utilities.getTargetVolumeAndSpacingInNormalDir(viewport, camera);
    const reach = spacingInNormalDirection / 2 + EPSILON_MM;
    return annotations.filter((one) => {
      const point = lonePoint(one);
      return one.isVisible !== false && point !== undefined && Math.abs(awayFrom(camera, point)) < reach;
    });
  };
}

/** From the plane that a camera looks at to a point, mm along its normal. */
export function awayFrom({ viewPlaneNormal, focalPoint }: Types.ICamera, point: Types.Point3): number {
  if (!viewPlaneNormal || !focalPoint) return 0;
  return [0, 1, 2].reduce((sum, axis) => sum + ((point[axis] ?? 0) - (focalPoint[axis] ?? 0)) * (viewPlaneNormal[axis] ?? 0), 0);
}
