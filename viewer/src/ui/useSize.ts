/** How large an element is, followed. */

import { useLayoutEffect, useState } from "preact/hooks";

/** Its width and height in whole CSS pixels; [0, 0] until it is laid out. */
export function useSize(element: { readonly current: Element | null }): readonly [number, number] {
  const [size, setSize] = useState<readonly [number, number]>([0, 0]);
  useLayoutEffect(() => {
    if (!element.current) return undefined;
    const resizing = new ResizeObserver(([entry]) => {
      const { width = 0, height = 0 } = entry?.contentRect ?? {};
      setSize([Math.round(width), Math.round(height)]);
    });
    resizing.observe(element.current);
    return () => resizing.disconnect();
  }, []);
  return size;
}
