/** What this device can draw. */

let webGl2: boolean | undefined;

function matches(query: string): boolean {
  return globalThis.matchMedia?.(query).matches ?? false;
}

/** Whether the screen has room for one viewport alone. */
export function isPhone(): boolean {
  return matches("(max-width: 600px), (max-height: 480px)");
}

/** Whether there are fingers alone: no mouse, and so no keys to speak of. */
export function isTouchOnly(): boolean {
  return matches("(any-pointer: coarse)") && !matches("(any-pointer: fine)");
}

/** Whether the browser gives WebGL 2, without which no volume is drawn here. */
export function hasWebGl2(): boolean {
  webGl2 ??= document.createElement("canvas").getContext("webgl2") !== null;
  return webGl2;
}
