/** A video, played as it is stored, by ranges; what this browser cannot play is said, and can be saved. */

import { useEffect, useRef, useState } from "preact/hooks";

import { instancePath } from "@/dicomweb/client";
import { videoFormat } from "@/dicomweb/documents";
import { Http, isAborted } from "@/dicomweb/http";
import { datasets, number, Tag, text, type Dataset } from "@/dicomweb/json";
import { reach } from "@/dicomweb/reach";
import { t } from "@/i18n";
import type { PageProps } from "@/ui/documents/DocumentPane";
import { Icon } from "@/ui/icons";

const FRAME_TIME = "00181063"; // ms
const CINE_RATE = "00180040";
const USUAL_RATE = 25;

const KEPT_BYTES_MAX = 64 << 20;

export function VideoPage({ dataset, address }: PageProps) {
  const video = useRef<HTMLVideoElement>(null);
  const { source, playsThrough, lost } = useVideo(address.rendered);
  const [failed, setFailed] = useState(false);
  const syntax = useTransferSyntax(text(dataset, Tag.SOPInstanceUID));
  const format = videoFormat(syntax ?? "");
  // frames of a video class that are no stream: the node makes a moving picture of them
  if (syntax !== undefined && syntax !== "" && format === "") {
    return (
      <div class="video-page">
        <img src={address.rendered} alt={t("card.video")} data-testid="moving-picture" />
      </div>
    );
  }
  if (failed) return <CannotPlay format={format} href={address.rendered} name={address.name} />;
  const step = (frames: number): void => {
    const playing = video.current;
    if (!playing) return;
    playing.pause();
    playing.currentTime = Math.max(0, playing.currentTime + frames * frameSeconds(dataset));
  };
  return (
    <div class="video-page">
      {/* oxlint-disable-next-line jsx-a11y/media-has-caption -- what a microscope or an endoscope sees has no words */}
      <video
        ref={video}
        data-testid="video"
        src={source}
        controls
        playsInline
        preload="metadata"
        aria-label={t("card.video")}
        onCanPlayThrough={playsThrough}
        onError={() => source && lost(() => setFailed(true))}
      />
      <div class="zoom-bar" role="toolbar" aria-label={t("video.steps")}>
        <button type="button" class="button quiet" onClick={() => step(-1)}>
          {t("video.back")}
        </button>
        <button type="button" class="button quiet" data-testid="video-forward" onClick={() => step(1)}>
          {t("video.forward")}
        </button>
        <span class="muted">{format}</span>
      </div>
    </div>
  );
}

interface Video {
  /** Undefined until it is known where it comes from. */
  readonly source: string | undefined;
  /** It is here faster than it is played: there is room on the link to keep it. */
  playsThrough(): void;
  /** The node gave no more of it; `otherwise`: this device has not kept it either. */
  lost(otherwise: () => void): void;
}

/** The video at the node, by ranges; without the node the copy on this device. */
function useVideo(path: string): Video {
  const [copy, setCopy] = useState<string | undefined>(undefined);
  const asked = useRef(false);
  useEffect(() => {
    asked.current = false;
    return () => setCopy(undefined);
  }, [path]);
  useEffect(() => () => URL.revokeObjectURL(copy ?? ""), [copy]);
  return {
    source: copy ?? path,
    playsThrough() {
      if (asked.current || copy) return;
      asked.current = true;
      void keep(path);
    },
    lost(otherwise) {
      if (copy) return otherwise();
      void kept(path).then((blob) => (blob ? setCopy(URL.createObjectURL(blob)) : otherwise()));
    },
  };
}

const WHOLE: RequestInit = { headers: { Accept: "video/*" }, credentials: "same-origin" };

/** Read it as a whole once, which keeps it, unless it is too large for that. */
async function keep(path: string): Promise<void> {
  const left = new AbortController();
  try {
    const answer = await reach(path, { ...WHOLE, signal: left.signal, priority: "low" });
    if (Number(answer.headers.get("Content-Length") ?? Infinity) > KEPT_BYTES_MAX) left.abort();
    else await answer.arrayBuffer();
  } catch {
    // it is played nevertheless
  }
}

async function kept(path: string): Promise<Blob | undefined> {
  try {
    const answer = await reach(path, WHOLE);
    return answer.ok ? await answer.blob() : undefined;
  } catch {
    return undefined;
  }
}

function frameSeconds(dataset: Dataset): number {
  const milliseconds = number(dataset, FRAME_TIME);
  return milliseconds ? milliseconds / 1000 : 1 / (number(dataset, CINE_RATE) || USUAL_RATE);
}

/** The syntax that the object is stored in; "" when the node does not say, undefined until it does. */
function useTransferSyntax(sopInstanceUid: string): string | undefined {
  const [syntax, setSyntax] = useState<string | undefined>(undefined);
  useEffect(() => {
    const left = new AbortController();
    new Http()
      .json(instancePath(sopInstanceUid), { accept: "application/dicom+json", signal: left.signal })
      .then((answer) => setSyntax(text(datasets(answer)[0] ?? {}, Tag.AvailableTransferSyntaxUID)))
      .catch((error: unknown) => {
        if (!isAborted(error)) setSyntax(""); // the player will tell
      });
    return () => left.abort();
  }, [sopInstanceUid]);
  return syntax;
}

function CannotPlay({ format, href, name }: { readonly format: string; readonly href: string; readonly name: string }) {
  return (
    <div class="waiting-stage">
      <div class="volume-note" role="alert" data-testid="video-failed">
        <Icon name="warning" />
        <p class="note-title">{format ? t("video.cannot", { format }) : t("video.cannot.any")}</p>
        <p>{t("video.cannot.hint")}</p>
        <a class="button primary" href={href} download={name}>
          {t("doc.save")}
        </a>
      </div>
    </div>
  );
}
