/** A viewport of the screen drawn into a picture: its pixels, and of what lies over them as much as was chosen. */

import type { Burned } from "@/pictures/choices";

/** In pixels of the picture. */
interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Drawing {
  readonly context: CanvasRenderingContext2D;
  readonly viewport: DOMRect;
  readonly box: Box;
  /** Pixels of the picture in a CSS pixel. */
  readonly scale: number;
  /** How much larger letters and lines are drawn than on a screen of that size. */
  readonly emphasis: number;
  readonly burned: Burned;
}

const READABLE_FROM_PX = 512;
const EMPHASIS_LEAST = 0.65;
const HALO_PX = 3;

/** What is written is as large, compared to the picture, as on a usual viewport. */
function emphasisFor({ width, height }: DOMRect, own: boolean): number {
  return own ? Math.max(EMPHASIS_LEAST, Math.min(width, height) / READABLE_FROM_PX) : 1;
}

export interface Drawn {
  readonly burned: Burned;
  /** It stands for this picture alone, at the picture's size, and nobody looks at it. */
  readonly own: boolean;
  /** What to beware of; "" for nothing. */
  readonly caution: string;
}

/** Draw `element`, of class viewport, into `box`. */
export function drawViewport(context: CanvasRenderingContext2D, element: HTMLElement, box: Box, { burned, own, caution }: Drawn): void {
  const viewport = element.getBoundingClientRect();
  const scale = box.width / viewport.width;
  const drawing: Drawing = { context, viewport, box, scale, emphasis: emphasisFor(viewport, own), burned };
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  context.fillStyle = "#000";
  context.fillRect(box.x, box.y, box.width, box.height);
  for (const layer of element.querySelectorAll<HTMLElement | SVGSVGElement>("canvas, img.preview, img.node-picture, svg.svg-layer, svg.guides")) {
    if (!isSeen(layer)) continue;
    if (layer instanceof HTMLCanvasElement) drawCanvas(drawing, layer);
    else if (layer instanceof HTMLImageElement) drawPicture(drawing, layer);
    else if (layer instanceof SVGSVGElement) drawLines(drawing, layer);
  }
  for (const corner of element.querySelectorAll<HTMLElement>(".overlay .corner, .overlay .letter")) drawTexts(drawing, corner);
  if (caution !== "") drawCaution(drawing, caution);
  context.restore();
}

function isSeen(element: Element): boolean {
  return element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
}

/** A place of the page in the picture. */
function placed({ viewport, box, scale }: Drawing, { x, y, width, height }: Box): Box {
  return { x: box.x + (x - viewport.x) * scale, y: box.y + (y - viewport.y) * scale, width: width * scale, height: height * scale };
}

function drawCanvas(drawing: Drawing, canvas: HTMLCanvasElement): void {
  const isMark = canvas.matches(".marks:not(.bitmap-shutter)");
  if (canvas.width === 0 || canvas.height === 0 || (isMark && !drawing.burned.marks)) return;
  const { x, y, width, height } = placed(drawing, canvas.getBoundingClientRect());
  drawing.context.imageSmoothingQuality = "high";
  drawing.context.drawImage(canvas, x, y, width, height);
}

/** As `object-fit: contain` places it. */
function drawPicture(drawing: Drawing, picture: HTMLImageElement): void {
  if (!picture.complete || picture.naturalWidth === 0) return;
  const rect = picture.getBoundingClientRect();
  const fit = Math.min(rect.width / picture.naturalWidth, rect.height / picture.naturalHeight);
  const [wide, high] = [picture.naturalWidth * fit, picture.naturalHeight * fit];
  const { x, y, width, height } = placed(drawing, {
    x: rect.x + (rect.width - wide) / 2,
    y: rect.y + (rect.height - high) / 2,
    width: wide,
    height: high,
  });
  const { filter } = getComputedStyle(picture);
  drawing.context.filter = filter;
  drawing.context.drawImage(picture, x, y, width, height);
  drawing.context.filter = "none";
}

function drawLines(drawing: Drawing, layer: SVGSVGElement): void {
  for (const element of layer.querySelectorAll<SVGGraphicsElement>("path, line, rect, circle, ellipse, polyline, polygon, text")) {
    if (!isSeen(element) || element.closest("defs") || !isChosen(element, drawing.burned)) continue;
    if (element instanceof SVGTextElement) drawWords(drawing, element);
    else drawShape(drawing, element);
  }
}

/** What a shutter of a presentation state covers is never shown. */
function isChosen(element: Element, { marks, scale }: Burned): boolean {
  if (element.classList.contains("shutter")) return true;
  return element.closest(".ruler") ? scale : marks;
}

function outlineOf(element: SVGGraphicsElement): Path2D {
  const value = (name: string): number => (element as unknown as Readonly<Record<string, SVGAnimatedLength>>)[name]?.baseVal.value ?? 0;
  const path = new Path2D();
  if (element instanceof SVGPathElement) return new Path2D(element.getAttribute("d") ?? "");
  if (element instanceof SVGLineElement) {
    path.moveTo(value("x1"), value("y1"));
    path.lineTo(value("x2"), value("y2"));
  } else if (element instanceof SVGRectElement) path.rect(value("x"), value("y"), value("width"), value("height"));
  else if (element instanceof SVGCircleElement) path.arc(value("cx"), value("cy"), value("r"), 0, 2 * Math.PI);
  else if (element instanceof SVGEllipseElement) path.ellipse(value("cx"), value("cy"), value("rx"), value("ry"), 0, 0, 2 * Math.PI);
  else if (element instanceof SVGPolylineElement || element instanceof SVGPolygonElement) {
    for (const { x, y } of element.points) path.lineTo(x, y);
    if (element instanceof SVGPolygonElement) path.closePath();
  }
  return path;
}

/** The element's own coordinates in those of the picture. */
function matrixOf(drawing: Drawing, element: SVGGraphicsElement): DOMMatrix {
  const { viewport, box, scale } = drawing;
  const screen = element.getScreenCTM() ?? new DOMMatrix();
  const y = box.y - viewport.y * scale - liftOf(drawing, element);
  return new DOMMatrix([scale, 0, 0, scale, box.x - viewport.x * scale, y]).multiply(screen);
}

/** How far a ruler moves up: it stands above the letter of the lower edge, which grows from that edge. */
function liftOf({ viewport, scale, emphasis }: Drawing, element: SVGGraphicsElement): number {
  const line = element.closest(".ruler")?.querySelector(".ruler-line");
  return line ? (viewport.bottom - line.getBoundingClientRect().bottom) * (emphasis - 1) * scale : 0;
}

function drawShape(drawing: Drawing, element: SVGGraphicsElement): void {
  const { context, emphasis } = drawing;
  const style = getComputedStyle(element);
  context.save();
  context.setTransform(matrixOf(drawing, element));
  const path = outlineOf(element);
  if (style.fill !== "none") {
    context.globalAlpha = Number(style.opacity) * Number(style.fillOpacity);
    context.fillStyle = style.fill;
    context.fill(path, style.fillRule as CanvasFillRule);
  }
  const width = Number.parseFloat(style.strokeWidth);
  if (style.stroke !== "none" && width > 0) {
    context.globalAlpha = Number(style.opacity) * Number(style.strokeOpacity);
    context.strokeStyle = style.stroke;
    context.lineWidth = width * emphasis;
    context.setLineDash(style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(/[, ]+/).map((one) => Number.parseFloat(one) * emphasis));
    context.stroke(path);
  }
  context.restore();
}

/** The lines of a text keep their distance from the first, in the size in which they are drawn. */
function drawWords(drawing: Drawing, text: SVGTextElement): void {
  const lines = [...text.querySelectorAll("tspan")].filter((line) => (line.textContent ?? "") !== "");
  const parts: readonly SVGTextContentElement[] = lines.length > 0 ? lines : [text];
  const matrix = matrixOf(drawing, text);
  let first: DOMPoint | undefined;
  for (const part of parts) {
    const words = part.textContent ?? "";
    if (words.trim() === "" || part.getNumberOfChars() === 0) continue;
    const start = part.getStartPositionOfChar(0);
    const at = new DOMPoint(start.x, start.y).matrixTransform(matrix);
    first ??= at;
    const y = first.y + (at.y - first.y) * drawing.emphasis;
    const style = getComputedStyle(part);
    write(drawing, words, first.x + (at.x - first.x) * drawing.emphasis, y, style, style.fill, "alphabetic");
  }
}

function near(low: number, high: number, from: number, to: number): number {
  if (Math.abs((low + high) / 2 - (from + to) / 2) < (to - from) / 20) return (from + to) / 2;
  return low - from < to - high ? from : to;
}

/** Where a block of texts is held when it grows: the corner or edge that it stands at. */
function anchorOf(corner: HTMLElement, viewport: DOMRect): readonly [number, number] {
  const { left, right, top, bottom } = corner.getBoundingClientRect();
  return [near(left, right, viewport.left, viewport.right), near(top, bottom, viewport.top, viewport.bottom)];
}

/** Never in a picture: what is to be pressed, and what speaks of the screen alone. */
const OF_THE_SCREEN = "button, .marks-panel, .quality, [data-testid=pixel-readout], .hidden-label";

function drawTexts(drawing: Drawing, corner: HTMLElement): void {
  const { burned, viewport, emphasis } = drawing;
  const letter = corner.classList.contains("letter");
  const identifies = corner.matches(".top-left");
  if (letter ? !burned.letters : identifies ? !burned.identity : !burned.texts && !burned.identity) return;
  const [anchorX, anchorY] = anchorOf(corner, viewport);
  const walker = document.createTreeWalker(corner, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!parent || parent.closest(OF_THE_SCREEN) || !isSeen(parent)) continue;
    const own = parent.closest("[data-identity]") !== null;
    if (!letter && !identifies && !(own ? burned.identity : burned.texts)) continue;
    const style = getComputedStyle(parent);
    for (const { words, left, middle } of linesOf(node as Text)) {
      const [x, y] = [anchorX + (left - anchorX) * emphasis, anchorY + (middle - anchorY) * emphasis];
      const at = placed(drawing, { x, y, width: 0, height: 0 });
      write(drawing, words, at.x, at.y, style, style.color, "middle");
    }
  }
}

interface Line {
  words: string;
  readonly left: number;
  readonly middle: number;
}

/** As the browser broke the text. */
function linesOf(node: Text): readonly Line[] {
  const lines: Line[] = [];
  for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
    const range = document.createRange();
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    const rect = range.getBoundingClientRect();
    if (rect.width === 0) continue;
    const middle = (rect.top + rect.bottom) / 2;
    const last = lines.at(-1);
    if (last && Math.abs(last.middle - middle) < rect.height / 2) last.words += ` ${word}`;
    else lines.push({ words: word, left: rect.left, middle });
  }
  return lines;
}

function write(
  { context, scale, emphasis }: Drawing,
  words: string,
  x: number,
  y: number,
  style: CSSStyleDeclaration,
  colour: string,
  baseline: CanvasTextBaseline,
): void {
  context.save();
  context.font = `${style.fontWeight} ${Number.parseFloat(style.fontSize) * scale * emphasis}px ${style.fontFamily}`;
  context.textBaseline = baseline;
  context.lineJoin = "round";
  context.lineWidth = HALO_PX * scale * emphasis;
  context.strokeStyle = "rgb(0 0 0 / 75%)";
  context.strokeText(words, x, y);
  context.fillStyle = colour;
  context.fillText(words, x, y);
  context.restore();
}

const CAUTION_TOP_PX = 38;
const CAUTION_PX = 13;

/** Said in the picture itself, below its upper edge, where it goes whatever becomes of the file: whole, however narrow it is. */
function drawCaution({ context, box, scale, emphasis }: Drawing, words: string): void {
  const wanted = CAUTION_PX * scale * emphasis;
  context.save();
  const font = (size: number) => {
    context.font = `600 ${size}px system-ui, sans-serif`;
  };
  font(wanted);
  const wide = (line: string) => context.measureText(line).width;
  const room = Math.max(1, box.width - wanted);
  const lines = inLines(words, (line) => wide(line) <= room);
  const size = wanted * Math.min(1, room / Math.max(...lines.map(wide)));
  font(size);
  context.textAlign = "center";
  context.textBaseline = "middle";
  const widest = Math.max(...lines.map(wide));
  const middle = box.x + box.width / 2;
  const top = box.y + Math.min(CAUTION_TOP_PX * scale * emphasis, Math.max(size, box.height - lines.length * size * 1.2));
  context.fillStyle = "rgb(0 0 0 / 60%)";
  context.fillRect(middle - widest / 2 - size / 2, top - size * 0.8, widest + size, size * (0.4 + 1.2 * lines.length));
  context.fillStyle = "#ffc46b";
  for (const [index, line] of lines.entries()) context.fillText(line, middle, top + index * size * 1.2);
  context.restore();
}

/** Words in as few lines as each of them fits; a single word that does not fit has a line of its own. */
export function inLines(words: string, fits: (line: string) => boolean): string[] {
  const lines: string[] = [];
  for (const word of words.split(" ")) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && fits(longer)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
