/** The icons, drawn on a 24 × 24 grid with strokes in the colour of the text. */

const PATHS = {
  back: ["M14.5 5 8 12l6.5 7"],
  account: ["M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.500 20c.5-4 3.500-6 7.500-6s7 2 7.500 6"],
  people: ["M9 5a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM2.500 19c.4-3.300 3-5 6.500-5s6.100 1.700 6.500 5M15.500 5.200a3.500 3.500 0 0 1 0 6.600M18 14.5c2 .8 3.200 2.300 3.500 4.500"],
  settings: ["M12 8.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.100 2.100M16.300 16.300l2.100 2.100M5.600 18.400l2.100-2.100M16.300 7.700l2.100-2.100"],
  bell: ["M6 17V11a6 6 0 0 1 12 0v6l1.5 1.5h-15zM10 21h4"],
  clear: ["M5 7h14M9.5 7V4.5h5V7M7 7l1 13h8l1-13M10.5 11v5.5M13.5 11v5.5"],
  compare: ["M4 5h7v14H4zM13 5h7v14h-7M6 9h3M15 9h3M6 13h3M15 13h3"],
  device: ["M4 5h16v11H4zM9 20h6M12 16v4M8 9h.01M12 9h4"],
  download: ["M12 4v11M7.500 11l4.500 4.500 4.500-4.500M5 19.500h14"],
  upload: ["M12 15.500V4.500M7.500 9 12 4.500 16.500 9M5 19.500h14"],
  select: ["M5 5h14v14H5zM8.500 12l2.500 2.500 4.500-5"],
  document: ["M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6"],
  edit: ["M4 20l1-4.500L15.500 5l3.500 3.500L8.500 19zM13.500 7l3.500 3.500"],
  globe: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3 15 0 18-3-3-3-15 0-18"],
  history: ["M4.500 12a7.500 7.500 0 1 0 2.500-5.600M4.500 4v4h4M12 8v4.500l3 2"],
  image: ["M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01"],
  invert: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z", "fill:M12 4a8 8 0 0 1 0 16z"],
  layout: ["M4 4h16v16H4zM12 4v16M4 12h16"],
  leave: ["M14 4H6v16h8M10 12h10M17 8.5l3.5 3.5-3.5 3.5"],
  kept: ["M7 3h10v18H7zM11 18h2M12 6v6M9.500 9.500 12 12l2.500-2.500"],
  length: ["M4 15 15 4l5 5L9 20zM7.5 11.5l2 2M10.5 8.5l3 3M13.5 5.5l2 2"],
  pan: ["M12 3v18M3 12h18M9.5 5.5 12 3l2.5 2.5M9.5 18.5 12 21l2.5-2.5M5.5 9.5 3 12l2.5 2.5M18.5 9.5 21 12l-2.5 2.5"],
  preset: ["M4 7h9M17 7h3M4 12h3M11 12h9M4 17h10M18 17h2M15 5v4M9 10v4M16 15v4"],
  refresh: ["M19 12a7 7 0 1 1-2-5M17.5 3v4.5H13"],
  reset: ["M5 12a7 7 0 1 0 2-5M6.5 3v4.5H11"],
  scroll: ["M7 8h10v8H7zM9 5h6M9 19h6M11 2h2M11 22h2"],
  search: ["M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20"],
  sort: ["M4 7h16M4 12h11M4 17h6"],
  transfer: ["M4 8.5h14M14.5 5 18 8.5 14.5 12M20 15.5H6M9.5 12 6 15.5 9.5 19"],
  volume: ["M12 3 4 7v10l8 4 8-4V7zM4 7l8 4 8-4M12 11v10"],
  warning: ["M12 4 2.5 20h19zM12 10v4.5M12 17.5h.01"],
  wave: ["M3 12h4l2-6 4 12 2.5-8 1.5 2h4"],
  window: ["M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM12 1.5v1M12 21.5v1M1.5 12h1M21.5 12h1", "fill:M12 8a4 4 0 0 1 0 8z"],
  zoom: ["M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20M8 10.5h5M10.5 8v5"],
  angle: ["M5 19 18 5M5 19h15M10 14a5 5 0 0 1 2 5"],
  arrow: ["M19 5 6 18M6 18v-6M6 18h6"],
  bidirectional: ["M5 12h14M12 6v12M3 12h.01M21 12h.01"],
  play: ["fill:M8 5v14l11-7z"],
  pause: ["fill:M7 5h3.500v14H7zM13.500 5H17v14h-3.500z"],
  reject: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM6.500 6.500l11 11"],
  close: ["M6 6l12 12M18 6 6 18"],
  cine: ["M5 5h14v14H5z", "fill:M10 9v6l5-3z"],
  cobb: ["M4 7 20 5M4 17l16 2M12 6v3M12 15v3"],
  colour: ["M12 4a8 8 0 1 0 0 16c1.5 0 1.5-2 .7-3s.3-2 1.8-2H17a3 3 0 0 0 3-3c0-4.5-3.600-8-8-8zM8 11h.01M11 8h.01M15 9h.01"],
  curve: ["M4 4v16h16M7 16l3-6 3 4 5-8"],
  crosshair: ["M12 3v6M12 15v6M3 12h6M15 12h6M12 12h.01"],
  ellipse: ["M12 6c5 0 9 2.5 9 6s-4 6-9 6-9-2.5-9-6 4-6 9-6z"],
  flipHorizontal: ["M12 3v18M9 7 3 17h6zM15 7l6 10h-6z"],
  flipVertical: ["M3 12h18M7 9 17 3v6zM7 15l10 6v-6z"],
  freehand: ["M5 15c-2-5 2-10 7-9s2 5 5 5 4 4 1 7-11 2-13-3z"],
  help: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.5 9.5a2.5 2.5 0 1 1 3.5 2.300c-.8.4-1 .9-1 1.700M12 16.5h.01"],
  key: ["M12 4l2.5 5.200 5.5.8-4 4 1 5.700-5-2.700-5 2.700 1-5.700-4-4 5.5-.8z"],
  lines: ["M4 4h16v16H4zM4 12h16", "M9 4v16"],
  linked: ["M4 6h7v12H4zM13 6h7v12h-7zM9 12h6"],
  magnify: ["M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20M7.5 10.5h6M10.5 7.5v6"],
  measure: ["M4 15 15 4l5 5L9 20zM8 12h.01M12 8h.01M16 16l4 4M20 16l-4 4"],
  overlays: ["M4 5h16v14H4zM7 8h4M7 16h3M14 8h3M14 16h3"],
  graphics: ["M4 5h16v14H4zM8 15l3-6 2.500 4 1.500-2 2 4"],
  pictures: ["M4 8h4l1.5-2.500h5L16 8h4v11H4zM12 10.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6z"],
  probe: ["M12 4v5M12 15v5M4 12h5M15 12h5", "fill:M11 11h2v2h-2z"],
  rectangle: ["M4 7h16v10H4z"],
  redo: ["M17 8l3.5 3.5L17 15M20 11.5H9a4.5 4.5 0 0 0 0 9h2"],
  trueSize: ["M4 4v16M4 20h16M4 8h3M4 12h5M4 16h3M8 20v-3M12 20v-5M16 20v-3"],
  singly: ["M4 4h16v16H4z", "M8 9l1.5-1v8", "M15 9l1.5-1v8", "M12.5 10.5v.1M12.5 14.5v.1"],
  rotate: ["M18 12a6 6 0 1 1-2-4.5M16.5 3v5h-5"],
  save: ["M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6"],
  fullScreen: ["M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"],
  steps: ["M12 3v6M12 15v6M3 12h6M15 12h6M9.500 5.500 12 3l2.500 2.500M9.500 18.500 12 21l2.500-2.500M5.500 9.500 3 12l2.500 2.500M18.500 9.500 21 12l-2.500 2.500"],
  text: ["M6 6h12M12 6v13M9.5 19h5"],
  undo: ["M7 8l-3.5 3.5L7 15M4 11.5h11a4.5 4.5 0 0 1 0 9h-2"],
  view: ["M3 12c3-5 6-7 9-7s6 2 9 7c-3 5-6 7-9 7s-6-2-9-7zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z"],
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
