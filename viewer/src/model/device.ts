/** What this device can draw. */

let webGl2: boolean | undefined;

/** Whether the screen has room for one viewport alone. */
export function isPhone(): boolean {
  return globalThis.matchMedia?.("(max-width: 600px), (max-height: 480px)").matches ?? false;
}

/** Whether the browser gives WebGL 2, without which no volume is drawn here. */
export function hasWebGl2(): boolean {
  webGl2 ??= document.createElement("canvas").getContext("webgl2") !== null;
  return webGl2;
}
