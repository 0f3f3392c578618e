/** What stands over the page: the browser's Back closes the uppermost, and so does Escape where no element takes it itself. */

import { useLayoutEffect, useRef } from "preact/hooks";

import { isUppermost, openLayer } from "@/model/layers";

/** While `open`, Back calls `close`; `byEscape`: so does Escape, wherever the focus is. */
export function useLayer(open: boolean, close: () => void, byEscape = false): void {
  const last = useRef(close);
  last.current = close;
  useLayoutEffect(() => {
    if (!open) return undefined;
    const layer = (): void => last.current();
    const ended = openLayer(layer);
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || !isUppermost(layer)) return;
      event.stopPropagation(); // what lies beneath has an Escape of its own
      layer();
    };
    if (byEscape) document.addEventListener("keydown", onKey, true);
    return () => {
      document.removeEventListener("keydown", onKey, true);
      ended();
    };
  }, [open, byEscape]);
}
