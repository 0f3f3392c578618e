/** An ECG or another waveform, on its paper: 100 % is its true size, 25 mm/s and 10 mm/mV. */

import { useState } from "preact/hooks";

import { t } from "@/i18n";
import { BrokenNote } from "@/ui/documents/BrokenNote";
import type { PageProps } from "@/ui/documents/DocumentPane";
import { ZoomStage } from "@/ui/documents/ZoomStage";
import { KeptPicture } from "@/ui/KeptPicture";

export function WaveformPage({ address }: PageProps) {
  const [natural, setNatural] = useState<number | undefined>(undefined);
  const [failed, setFailed] = useState(false);
  if (failed) return <BrokenNote />;
  return (
    <ZoomStage natural={natural} label={t("card.waveform")}>
      {(width) => (
        // an image runs no scripts and loads nothing, whatever is in the drawing
        <KeptPicture
          path={address.rendered}
          class="drawing"
          data-testid="waveform"
          data-ready={natural !== undefined}
          alt={t("card.waveform")}
          width={natural === undefined ? undefined : Math.round(width)}
          loaded={(naturalWidth) => setNatural((known) => known ?? naturalWidth)}
          failed={() => setFailed(true)}
        />
      )}
    </ZoomStage>
  );
}
