/** A slide on a canvas: every level that is here below the one that is wanted, so that nothing is blank while tiles come. */

import type { Slide, Tile } from "@/dicomweb/slide";
import { areaOf, finest, levelFor, shareOf, type Size, type SlideView } from "@/model/slideView";
import type { Tiles } from "@/model/tiles";

export interface Drawing {
  readonly slide: Slide;
  readonly view: SlideView;
  /** CSS pixels, and the device's pixels in one. */
  readonly size: Size;
  readonly ratio: number;
  readonly plane: number;
  readonly path: number;
}

const EMPTY_GLASS = "#f4f2f0";
const MAP_PX = 150;
const MAP_MARGIN_PX = 12;
const MAP_FROM_PX = 600; // a screen narrower than this has no room for a map

/** Draw what is here, and ask for what is not. How many tiles of the wanted level are still to come. */
export function draw(context: CanvasRenderingContext2D, drawing: Drawing, tiles: Tiles): number {
  const { slide, view, size, ratio, plane, path } = drawing;
  const [width, height] = size;
  const level = levelFor(slide, view, ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  const whole = finest(slide);
  const place: Placing = { scale: ratio * view.scale, left: ratio * (width / 2 - view.x * view.scale), top: ratio * (height / 2 - view.y * view.scale) };
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.save();
  clipTo(context, place, whole.width, whole.height);
  let missing: readonly Tile[] = [];
  let coarse: readonly Tile[] = [];
  for (const one of [...slide.levels].toReversed()) {
    if (shareOf(slide, one) > shareOf(slide, level)) break;
    const absent = drawTiles(context, place, shareOf(slide, one), one.tilesIn(...areaOf(slide, view, one, size), plane, path), tiles);
    if (one === slide.levels.at(-1)) coarse = absent;
    if (one === level) missing = absent;
  }
  context.restore();
  if (width >= MAP_FROM_PX) drawMap(context, drawing, tiles);
  const middle: Size = [view.x * shareOf(slide, level), view.y * shareOf(slide, level)];
  const away = ({ x, y }: Tile): number => Math.hypot(x + level.tileWidth / 2 - middle[0], y + level.tileHeight / 2 - middle[1]);
  const nearest = missing.toSorted((a, b) => away(a) - away(b));
  tiles.want([...coarse.filter((tile) => !nearest.includes(tile)), ...nearest]);
  return missing.length;
}

/** Where a slide lies among the device's pixels: of how many is one of its own, and where its corner is. */
interface Placing {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

/** Glass as large as the slide, beyond which nothing is drawn: tiles at the edges are larger than it. */
function clipTo(context: CanvasRenderingContext2D, { scale, left, top }: Placing, width: number, height: number): void {
  context.beginPath();
  context.rect(left, top, width * scale, height * scale);
  context.clip();
  context.fillStyle = EMPTY_GLASS;
  context.fillRect(left, top, width * scale, height * scale);
}

/** Draw those that are here, edge to edge on whole pixels, and give the others. */
function drawTiles(context: CanvasRenderingContext2D, { scale, left, top }: Placing, share: number, all: readonly Tile[], tiles: Tiles): Tile[] {
  const absent: Tile[] = [];
  const at = (from: number, value: number): number => Math.round(from + (value / share) * scale);
  for (const tile of all) {
    const picture = tiles.picture(tile);
    if (!picture) {
      absent.push(tile);
      continue;
    }
    const [x, y] = [at(left, tile.x), at(top, tile.y)];
    context.drawImage(picture, x, y, at(left, tile.x + picture.width) - x, at(top, tile.y + picture.height) - y);
  }
  return absent;
}

/** The whole slide, small, with what is on the screen framed. */
function drawMap(context: CanvasRenderingContext2D, { slide, view, size: [width, height], ratio, plane, path }: Drawing, tiles: Tiles): void {
  const whole = finest(slide);
  const coarsest = slide.levels.at(-1) ?? whole;
  const scale = MAP_PX / Math.max(whole.width, whole.height);
  const allSeen = whole.width * view.scale <= width && whole.height * view.scale <= height;
  if (view.scale <= scale || allSeen) return;
  // below on the right: the other corners have texts and the bar
  const [left, top] = [width - whole.width * scale - MAP_MARGIN_PX, height - whole.height * scale - MAP_MARGIN_PX];
  const place: Placing = { scale: ratio * scale, left: ratio * left, top: ratio * top };
  context.save();
  clipTo(context, place, whole.width, whole.height);
  drawTiles(context, place, shareOf(slide, coarsest), coarsest.tilesIn(0, 0, coarsest.width, coarsest.height, plane, path), tiles);
  context.lineWidth = 2 * ratio;
  context.strokeStyle = "#d01c4b";
  const at = (from: number, value: number): number => from + value * place.scale;
  const [wide, high] = [(width / view.scale) * place.scale, (height / view.scale) * place.scale];
  context.strokeRect(at(place.left, view.x) - wide / 2, at(place.top, view.y) - high / 2, wide, high);
  context.restore();
}
