/** The icons, drawn on a 24 × 24 grid with strokes in the colour of the text. */

const PATHS = {
  back: ["M14.5 5 8 12l6.5 7"],
  bell: ["M6 17V11a6 6 0 0 1 12 0v6l1.5 1.5h-15zM10 21h4"],
  clear: ["M5 7h14M9.5 7V4.5h5V7M7 7l1 13h8l1-13M10.5 11v5.5M13.5 11v5.5"],
  compare: ["M4 5h7v14H4zM13 5h7v14h-7M6 9h3M15 9h3M6 13h3M15 13h3"],
  device: ["M4 5h16v11H4zM9 20h6M12 16v4M8 9h.01M12 9h4"],
  document: ["M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6"],
  globe: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3 15 0 18-3-3-3-15 0-18"],
  image: ["M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01"],
  invert: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z", "fill:M12 4a8 8 0 0 1 0 16z"],
  layout: ["M4 4h16v16H4zM12 4v16M4 12h16"],
  leave: ["M14 4H6v16h8M10 12h10M17 8.5l3.5 3.5-3.5 3.5"],
  length: ["M4 15 15 4l5 5L9 20zM7.5 11.5l2 2M10.5 8.5l3 3M13.5 5.5l2 2"],
  pan: ["M12 3v18M3 12h18M9.5 5.5 12 3l2.5 2.5M9.5 18.5 12 21l2.5-2.5M5.5 9.5 3 12l2.5 2.5M18.5 9.5 21 12l-2.5 2.5"],
  preset: ["M4 7h9M17 7h3M4 12h3M11 12h9M4 17h10M18 17h2M15 5v4M9 10v4M16 15v4"],
  refresh: ["M19 12a7 7 0 1 1-2-5M17.5 3v4.5H13"],
  reset: ["M5 12a7 7 0 1 0 2-5M6.5 3v4.5H11"],
  scroll: ["M7 8h10v8H7zM9 5h6M9 19h6M11 2h2M11 22h2"],
  search: ["M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20"],
  transfer: ["M4 8.5h14M14.5 5 18 8.5 14.5 12M20 15.5H6M9.5 12 6 15.5 9.5 19"],
  volume: ["M12 3 4 7v10l8 4 8-4V7zM4 7l8 4 8-4M12 11v10"],
  warning: ["M12 4 2.5 20h19zM12 10v4.5M12 17.5h.01"],
  wave: ["M3 12h4l2-6 4 12 2.5-8 1.5 2h4"],
  window: ["M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM12 1.5v1M12 21.5v1M1.5 12h1M21.5 12h1", "fill:M12 8a4 4 0 0 1 0 8z"],
  zoom: ["M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20M8 10.5h5M10.5 8v5"],
} as const;

export type IconName = keyof typeof PATHS;

const FILLED = "fill:";

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      {PATHS[name].map((path: string) =>
        path.startsWith(FILLED) ? (
          <path key={path} d={path.slice(FILLED.length)} fill="currentColor" />
        ) : (
          <path
            key={path}
            d={path}
            fill="none"
            stroke="currentColor"
            stroke-width="1.6"
            stroke-linecap="round"
            stroke-linejoin="round"
          />
        ),
      )}
    </svg>
  );
}
