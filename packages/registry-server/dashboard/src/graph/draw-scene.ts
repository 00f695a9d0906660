import { drawArc, drawArcLabel, drawTravellers } from './draw-arc.ts';
import { drawCard } from './draw-card.ts';
import { drawDot, type LabelRoom } from './draw-dot.ts';
import type { Target } from './hit-test.ts';
import type { PlacedVertex } from './layout.ts';
import type { Arc } from './mesh-graph.ts';
import type { Scene } from './scene.ts';
import type { Box, Viewport } from './viewport.ts';

/** With more arcs their labels would cover each other. */
const maxArcLabels = 60;
/** Smaller than that they could not be read. */
const minLabelScale = 0.45;
/** With more arcs, travellers cost more than they tell. */
const maxTravelling = 250;

/** Draws one frame. `context` is scaled to CSS pixels. */
export function drawScene(context: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, arcs, viewport, selected, hovered, found, time } = scene;
  context.clearRect(0, 0, viewport.width, viewport.height);
  const near = neighbourhood(arcs, hovered ?? selected);
  const isFaint = (id: string): boolean => found !== undefined && !found.has(id);
  context.save();
  context.translate(viewport.x, viewport.y);
  context.scale(viewport.scale, viewport.scale);
  for (const arc of arcs) {
    const [source, target] = [layout.vertices.get(arc.source), layout.vertices.get(arc.target)];
    if (source === undefined || target === undefined || isOutside(source, target, viewport))
      continue;
    const lit = near === undefined ? undefined : near.has(arc.id);
    const faint = lit === false || (isFaint(arc.source) && isFaint(arc.target));
    const placed = { arc, source, target };
    drawArc(context, placed, scene, { faint, lit: lit === true });
    if (time !== undefined && !faint && arcs.length <= maxTravelling) {
      drawTravellers(context, placed, scene, time);
    }
  }
  const visible = [...layout.vertices.values()].filter((one) => !isOutside(one, one, viewport));
  // Nobody reads names that move, and they cost more than all the rest of a frame.
  const room: LabelRoom | undefined =
    layout.style === 'dot' && !layout.moving
      ? { taken: visible.map((placed) => dotBox(placed, viewport)) }
      : undefined;
  // The busiest first, so that they get the room for their names.
  if (layout.style === 'dot') visible.sort((a, b) => b.size.width - a.size.width);
  for (const placed of visible) {
    const { id } = placed.vertex;
    const faint = isFaint(id) || (near !== undefined && !near.has(id));
    const marks = { faint, selected: selected?.id === id, hovered: hovered?.id === id };
    if (layout.style === 'card') drawCard(context, placed, scene.colours, marks);
    else drawDot(context, placed, scene, marks, room);
  }
  drawLabels(context, scene, (arc) => near === undefined || near.has(arc.id));
  context.restore();
}

/** Labels of arcs, above everything and beside each other; cards are left free. */
function drawLabels(
  context: CanvasRenderingContext2D,
  scene: Scene,
  isShown: (arc: Arc) => boolean,
): void {
  const { layout, arcs, viewport, hovered, selected } = scene;
  const cards = layout.style === 'card';
  const crowded = cards
    ? arcs.length > maxArcLabels
    : hovered === undefined && selected === undefined;
  if (crowded || viewport.scale < minLabelScale) return;
  const taken: Box[] = [...layout.vertices.values()].map(boxOf);
  // Always in one order, so that labels stay where they are while rates change.
  const sorted = [...arcs].sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const arc of sorted) {
    const [source, target] = [layout.vertices.get(arc.source), layout.vertices.get(arc.target)];
    if (source === undefined || target === undefined || !isShown(arc)) continue;
    drawArcLabel(context, { arc, source, target }, scene, taken);
  }
}

/** In pixels of the screen. */
function dotBox({ x, y, size }: PlacedVertex, viewport: Viewport): Box {
  const at = viewport.toScreen({ x, y });
  const radius = (size.width / 2) * viewport.scale;
  return {
    left: at.x - radius,
    right: at.x + radius,
    top: at.y - radius,
    bottom: at.y + radius,
  };
}

function boxOf({ x, y, size }: PlacedVertex): Box {
  const [w, h] = [size.width / 2 + 2, size.height / 2 + 2];
  return { left: x - w, right: x + w, top: y - h, bottom: y + h };
}

/** The ids of a vertex or arc and of what hangs on it. */
function neighbourhood(
  arcs: readonly Arc[],
  target: Target | undefined,
): ReadonlySet<string> | undefined {
  if (target === undefined) return undefined;
  const near = new Set([target.id]);
  for (const { id, source, target: end } of arcs) {
    const touches =
      target.kind === 'arc' ? id === target.id : source === target.id || end === target.id;
    if (touches) for (const one of [id, source, end]) near.add(one);
  }
  return near;
}

function isOutside(
  a: PlacedVertex,
  b: PlacedVertex,
  { x, y, scale, width, height }: Viewport,
): boolean {
  const margin = 120;
  const left = Math.min(a.x - a.size.width / 2, b.x - b.size.width / 2) - margin;
  const right = Math.max(a.x + a.size.width / 2, b.x + b.size.width / 2) + margin;
  const top = Math.min(a.y - a.size.height / 2, b.y - b.size.height / 2) - margin;
  const bottom = Math.max(a.y + a.size.height / 2, b.y + b.size.height / 2) + margin;
  return (
    right * scale + x < 0 ||
    left * scale + x > width ||
    bottom * scale + y < 0 ||
    top * scale + y > height
  );
}
