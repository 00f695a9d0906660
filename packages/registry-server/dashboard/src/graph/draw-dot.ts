import { versionColour } from '../theme/palette.ts';
import { drawText, type Marks } from './draw-card.ts';
import { healthColours, healthOf } from './health.ts';
import type { PlacedVertex } from './layout.ts';
import type { Vertex } from './mesh-graph.ts';
import { fontFamily, type Scene } from './scene.ts';
import { type Box, overlap, type Point } from './viewport.ts';

/** Where dots and names are already, in pixels of the screen. */
export interface LabelRoom {
  readonly taken: Box[];
}

const labelHeight = 14;
const maxNameLength = 24;
/** About what a character of the label's font takes. */
const characterWidth = 6.4;

/** A service among many: a disc, large by rate and coloured by errors, with a ring of its versions; its name where there is room for any. */
export function drawDot(
  context: CanvasRenderingContext2D,
  { vertex, size, x, y }: PlacedVertex,
  { colours, viewport }: Scene,
  { faint, selected, hovered }: Marks,
  room: LabelRoom | undefined,
): void {
  const radius = size.width / 2;
  const health = healthOf(vertex);
  context.globalAlpha = faint ? 0.22 : 1;
  context.fillStyle = colours.raised;
  context.beginPath();
  context.arc(x, y, radius + 1.5, 0, 2 * Math.PI);
  context.fill();
  if (vertex.versions.length > 1)
    drawRing(context, vertex, { x, y, radius: radius - 1 }, (name) => colours[name]);
  context.fillStyle = colours[healthColours[health]];
  context.beginPath();
  context.arc(x, y, vertex.versions.length > 1 ? radius - 3.2 : radius, 0, 2 * Math.PI);
  context.fill();
  if (selected || hovered) {
    context.strokeStyle = colours.accent;
    context.lineWidth = 2 / viewport.scale;
    context.beginPath();
    context.arc(x, y, radius + 4 / viewport.scale, 0, 2 * Math.PI);
    context.stroke();
  }
  const at = viewport.toScreen({ x, y: y + radius });
  const insistent = selected || hovered;
  if (!faint && (insistent || (room !== undefined && claim(room, vertex.name, at)))) {
    drawName(
      context,
      vertex.name,
      { x, y: y + radius },
      viewport.scale,
      insistent ? colours.text : colours['text-soft'],
      colours.ground,
    );
  }
  context.globalAlpha = 1;
}

function drawRing(
  context: CanvasRenderingContext2D,
  { versions }: Vertex,
  { x, y, radius }: { readonly x: number; readonly y: number; readonly radius: number },
  colour: (name: ReturnType<typeof versionColour>) => string,
): void {
  let angle = -Math.PI / 2;
  context.lineWidth = 2.4;
  for (const { ratio, index } of versions) {
    context.strokeStyle = colour(versionColour(index));
    context.beginPath();
    context.arc(x, y, radius, angle, angle + ratio * 2 * Math.PI);
    context.stroke();
    angle += ratio * 2 * Math.PI;
  }
}

/** Names keep their size at every zoom. */
function drawName(
  context: CanvasRenderingContext2D,
  name: string,
  at: { readonly x: number; readonly y: number },
  scale: number,
  colour: string,
  halo: string,
): void {
  context.save();
  context.translate(at.x, at.y);
  context.scale(1 / scale, 1 / scale);
  context.font = `500 11px ${fontFamily}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.strokeStyle = halo;
  context.lineWidth = 3;
  context.lineJoin = 'round';
  const shown = name.length > maxNameLength ? `${name.slice(0, maxNameLength - 1)}…` : name;
  context.strokeText(shown, 0, 10);
  drawText(context, { text: shown, x: 0, y: 10, align: 'center' }, context.font, colour);
  context.restore();
}

/** Takes the room for a name below `at`, unless another name or a dot has it. */
function claim({ taken }: LabelRoom, name: string, at: Point): boolean {
  const half = (Math.min(name.length, maxNameLength) * characterWidth) / 2 + 3;
  const top = at.y + 3;
  const box = { left: at.x - half, right: at.x + half, top, bottom: top + labelHeight };
  const isFree = !taken.some((other) => overlap(box, other));
  if (isFree) taken.push(box);
  return isFree;
}
