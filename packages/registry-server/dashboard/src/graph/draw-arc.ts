import { formatRate, formatRatio } from '../ui/format.ts';
import { type Curve, curveOf, pointAt } from './curve.ts';
import { healthColours, healthOf } from './health.ts';
import type { PlacedVertex } from './layout.ts';
import type { Arc } from './mesh-graph.ts';
import { fontFamily, type Scene } from './scene.ts';
import { type Box, overlap, type Point } from './viewport.ts';

interface DrawnArc {
  readonly arc: Arc;
  readonly source: PlacedVertex;
  readonly target: PlacedVertex;
}

/** Busier ones are thicker, by the logarithm of the rate: from 1 to 6. */
function arcWidth({ callsPerSecond }: Arc): number {
  return 1 + Math.min(5, 1.3 * Math.log10(1 + callsPerSecond));
}

/** A call from one vertex to another: thick by rate, coloured by errors, dashed when nothing flows. */
export function drawArc(
  context: CanvasRenderingContext2D,
  placed: DrawnArc,
  { colours, layout, viewport }: Scene,
  { faint, lit }: { readonly faint: boolean; readonly lit: boolean },
): void {
  const { arc } = placed;
  const health = healthOf(arc);
  const curve = curveOf(placed, layout.style);
  const calm = health === 'ok' || health === 'idle';
  const colour = calm ? (lit ? colours.accent : colours.control) : colours[healthColours[health]];
  // Lines that would be thinner than a pixel of the screen would vanish.
  const width = Math.max(
    layout.style === 'card' ? arcWidth(arc) : arcWidth(arc) * 0.6,
    0.8 / viewport.scale,
  );
  context.globalAlpha = faint ? 0.12 : lit || !calm ? 0.95 : layout.style === 'card' ? 0.6 : 0.38;
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineWidth = lit ? width + 0.6 : width;
  context.setLineDash(arc.idle || health === 'idle' ? [4, 5] : []);
  context.beginPath();
  trace(context, curve);
  context.stroke();
  context.setLineDash([]);
  drawHead(context, curve, 4 + width);
  context.globalAlpha = 1;
}

function trace(context: CanvasRenderingContext2D, { from, bend1, bend2, to }: Curve): void {
  context.moveTo(from.x, from.y);
  context.bezierCurveTo(bend1.x, bend1.y, bend2.x, bend2.y, to.x, to.y);
}

function drawHead(context: CanvasRenderingContext2D, { bend2, to }: Curve, size: number): void {
  const angle = Math.atan2(to.y - bend2.y, to.x - bend2.x);
  context.beginPath();
  context.moveTo(to.x, to.y);
  for (const turn of [2.62, -2.62]) {
    context.lineTo(to.x + size * Math.cos(angle + turn), to.y + size * Math.sin(angle + turn));
  }
  context.closePath();
  context.fill();
}

/** Seconds that a traveller takes from end to end. */
const journeySeconds = 2.2;

/** Points that travel along the arc: the more, the more calls. */
export function drawTravellers(
  context: CanvasRenderingContext2D,
  placed: DrawnArc,
  { colours, layout }: Scene,
  time: number,
): void {
  const { arc } = placed;
  if (arc.idle || arc.callsPerSecond === 0) return;
  const curve = curveOf(placed, layout.style);
  const count = Math.min(6, 1 + Math.floor(Math.log2(1 + arc.callsPerSecond)));
  const health = healthOf(arc);
  context.fillStyle = health === 'ok' ? colours.accent : colours[healthColours[health]];
  const radius = layout.style === 'card' ? 2.4 : 1.6;
  context.beginPath();
  for (let i = 0; i < count; i += 1) {
    const { x, y } = pointAt(curve, (time / journeySeconds + i / count + phase(arc.id)) % 1);
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
  context.fill();
}

/** Not all arcs in step: a number of 0..1 that stays an arc's own. */
function phase(id: string): number {
  let hash = 0;
  for (let i = 0; i < id.length; i += 1) hash = (hash * 31 + id.charCodeAt(i)) % 997;
  return hash / 997;
}

/** Where along an arc its label may stand, the best place first. */
const labelPlaces = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82];
const labelHeight = 18;

/** The rate, errors if any, and a lock, on a plate on the arc, where it covers nothing that is in `taken`. Adds itself there. */
export function drawArcLabel(
  context: CanvasRenderingContext2D,
  placed: DrawnArc,
  { colours, layout }: Scene,
  taken: Box[],
): void {
  const { arc } = placed;
  const health = healthOf(arc);
  const failing = health === 'warn' || health === 'bad';
  const text = `${formatRate(arc.callsPerSecond)}/s${failing ? ` · ${formatRatio(arc.errorRatio)}` : ''}`;
  const lock = arc.mutualTlsRatio > 0 ? 13 : 0;
  context.font = `550 11px ${fontFamily}`;
  const width = context.measureText(text).width + 14 + lock;
  const curve = curveOf(placed, layout.style);
  const boxes = labelPlaces.map((t) => boxAround(pointAt(curve, t), width));
  const box = boxes.find((one) => !taken.some((other) => overlap(one, other)));
  if (box === undefined) return;
  taken.push(box);
  const y = box.top + labelHeight / 2;
  context.fillStyle = colours.surface;
  context.strokeStyle = failing ? colours[healthColours[health]] : colours.line;
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(box.left, box.top, width, labelHeight, labelHeight / 2);
  context.fill();
  context.stroke();
  if (lock > 0) {
    const colour = arc.mutualTlsRatio < 0.995 ? colours.warn : colours.ok;
    drawLock(context, { x: box.left + 12, y }, colour);
  }
  context.fillStyle = failing ? colours[healthColours[health]] : colours['text-soft'];
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillText(text, box.left + 7 + lock, y + 0.5);
}

function boxAround({ x, y }: Point, width: number): Box {
  const half = labelHeight / 2;
  return { left: x - width / 2, right: x + width / 2, top: y - half, bottom: y + half };
}

function drawLock(context: CanvasRenderingContext2D, { x, y }: Point, colour: string): void {
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.lineWidth = 1.3;
  context.beginPath();
  context.roundRect(x - 4, y - 1, 8, 6, 1.2);
  context.fill();
  context.beginPath();
  context.arc(x, y - 1.5, 2.5, Math.PI, 0);
  context.stroke();
}
