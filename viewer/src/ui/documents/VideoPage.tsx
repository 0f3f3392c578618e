/** A video, played as it is stored, by ranges; what this browser cannot play is said, and can be saved. */

import { useEffect, useRef, useState } from "preact/hooks";

import { instancePath } from "@/dicomweb/client";
import { videoFormat } from "@/dicomweb/documents";
import { Http, isAborted } from "@/dicomweb/http";
import { datasets, number, Tag, text, type Dataset } from "@/dicomweb/json";
import { t } from "@/i18n";
import type { PageProps } from "@/ui/documents/DocumentPane";
import { Icon } from "@/ui/icons";

const FRAME_TIME = "00181063"; // ms
const CINE_RATE = "00180040";
const USUAL_RATE = 25;

export function VideoPage({ dataset, address }: PageProps) {
  const video = useRef<HTMLVideoElement>(null);
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
        src={address.rendered}
        controls
        playsInline
        preload="metadata"
        aria-label={t("card.video")}
        onError={() => setFailed(true)}
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
