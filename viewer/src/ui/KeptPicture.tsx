/** A picture of a study by the one way to the node, so that this device keeps it and shows it without the node. */

import { useEffect, useRef, useState } from "preact/hooks";

import { reach } from "@/dicomweb/reach";

const NEAR = "300px"; // as browsers do with pictures that are loaded lazily

interface KeptPictureProps {
  readonly path: string;
  /** It is not to be had, or is no picture. */
  failed(): void;
  readonly alt: string;
  readonly class?: string;
  readonly width?: number | undefined;
  readonly "data-testid"?: string;
  readonly "data-ready"?: boolean;
  /** It is there, so many pixels wide. */
  loaded?(naturalWidth: number): void;
}

/** An `img` element, whose picture is fetched when it comes near to what is seen. */
export function KeptPicture({ path, failed, loaded, alt, ...more }: KeptPictureProps) {
  const element = useRef<HTMLImageElement>(null);
  const [url, setUrl] = useState<string | undefined>(undefined);
  useEffect(() => {
    if (!element.current) return undefined;
    const left = new AbortController();
    let made = "";
    const watching = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting !== true) return;
        watching.disconnect();
        fetched(path, left.signal).then(
          (blob) => {
            if (left.signal.aborted) return;
            made = URL.createObjectURL(blob);
            setUrl(made);
          },
          () => {
            if (!left.signal.aborted) failed();
          },
        );
      },
      { rootMargin: NEAR },
    );
    watching.observe(element.current);
    return () => {
      watching.disconnect();
      left.abort();
      setUrl(undefined);
      if (made) URL.revokeObjectURL(made);
    };
  }, [path]);
  const onLoad = (): void => loaded?.(element.current?.naturalWidth ?? 0);
  return <img {...more} alt={alt} ref={element} src={url} decoding="async" draggable={false} onLoad={onLoad} onError={() => url !== undefined && failed()} />;
}

async function fetched(path: string, signal: AbortSignal): Promise<Blob> {
  const init: RequestInit = { headers: { Accept: "image/*" }, credentials: "same-origin", signal, priority: "low" };
  const answer = await reach(path, init);
  if (!answer.ok) throw new TypeError(`the node answered ${answer.status}`);
  return answer.blob();
}
