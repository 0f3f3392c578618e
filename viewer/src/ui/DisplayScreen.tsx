/** A test pattern for the display, with what should be seen on it. */

import { useEffect, useRef, useState } from "preact/hooks";

import { t } from "@/i18n";
import { WORKLIST_LINK } from "@/model/route";
import { testPattern } from "@/model/testPattern";
import { LanguageSelect } from "@/ui/LanguageSelect";
import { SizeCalibration } from "@/ui/SizeCalibration";
import { Icon } from "@/ui/icons";
import "@/ui/display.css";

const LOOK_FOR = ["display.look.ends", "display.look.steps", "display.look.lines", "display.look.ramp", "display.look.grid"] as const;

export function DisplayScreen() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const [ratio, setRatio] = useState(devicePixelRatio);
  useEffect(() => {
    document.title = `${t("display.heading")} · Suret`;
  });
  useEffect(() => {
    if (!place.current) return undefined;
    const watch = new ResizeObserver(() => {
      setRatio(devicePixelRatio);
      if (canvas.current && place.current) draw(canvas.current, place.current);
    });
    watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  const exact = Number.isInteger(ratio);
  return (
    <div class="display-screen" data-testid="display">
      <header class="top-bar">
        <a class="button quiet back" href={WORKLIST_LINK} data-testid="back" title={t("study.back")}>
          <Icon name="back" />
          <span class="back-word">{t("study.back")}</span>
        </a>
        <h1 class="display-heading">{t("display.heading")}</h1>
        <span class="spacer" />
        <LanguageSelect />
      </header>
      <main class="display-main">
        <div ref={place} class="display-place">
          <canvas ref={canvas} data-testid="test-pattern" aria-label={t("display.heading")} role="img" />
        </div>
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, by keys too */}
        <section class="display-words" tabIndex={0} aria-label={t("display.words")}>
          <p class="caution" data-testid="not-for-diagnosis">
            {t("display.caution")}
          </p>
          {!exact && (
            <p class="caution" role="alert" data-testid="display-scaled">
              {t("display.scaled")}
            </p>
          )}
          <ul>
            {LOOK_FOR.map((key) => (
              <li key={key}>{t(key)}</li>
            ))}
          </ul>
          <SizeCalibration />
        </section>
      </main>
    </div>
  );
}

/** One grey for each pixel of the device. */
function draw(canvas: HTMLCanvasElement, place: HTMLDivElement): void {
  const [width, height] = [place.clientWidth, place.clientHeight].map((length) => Math.floor(length * devicePixelRatio));
  const context = canvas.getContext("2d");
  if (!context || !width || !height) return;
  canvas.width = width;
  canvas.height = height;
  canvas.style.width = `${width / devicePixelRatio}px`;
  canvas.style.height = `${height / devicePixelRatio}px`;
  const greys = testPattern(width, height);
  const image = context.createImageData(width, height);
  for (let pixel = 0; pixel < greys.length; pixel += 1) {
    const grey = greys[pixel] ?? 0;
    image.data.set([grey, grey, grey, 255], 4 * pixel);
  }
  context.putImageData(image, 0, 0);
}
