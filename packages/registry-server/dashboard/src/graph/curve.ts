import type { PlacedArc } from './layout.ts';
import type { NodeStyle } from './node-size.ts';
import type { Point } from './viewport.ts';

/** A cubic Bézier curve, in the layout's units. */
export interface Curve {
  readonly from: Point;
  readonly bend1: Point;
  readonly bend2: Point;
  readonly to: Point;
}

/** The way of a call: from the right side of its source to the left side of its target. */
export function curveOf({ source, target }: PlacedArc, style: NodeStyle): Curve {
  if (source === target) return loopOf(source);
  const gap = style === 'card' ? 5 : 3;
  const forward = target.x - source.x > -source.size.width / 2;
  const side = forward ? 1 : -1;
  const from = { x: source.x + (source.size.width / 2 + gap) * side, y: source.y };
  const to = { x: target.x - (target.size.width / 2 + gap) * side, y: target.y };
  const reach = Math.max(30, Math.abs(to.x - from.x) * 0.45);
  // A call back takes a way of its own, above, so that it does not lie on the call there.
  const lift = forward ? 0 : -40;
  return {
    from,
    bend1: { x: from.x + reach * side, y: from.y + lift },
    bend2: { x: to.x - reach * side, y: to.y + lift },
    to,
  };
}

function loopOf({ x, y, size }: PlacedArc['source']): Curve {
  const top = y - size.height / 2;
  return {
    from: { x: x + 14, y: top },
    bend1: { x: x + 44, y: top - 44 },
    bend2: { x: x - 44, y: top - 44 },
    to: { x: x - 14, y: top },
  };
}

/** The point at `t` of 0..1. */
export function pointAt({ from, bend1, bend2, to }: Curve, t: number): Point {
  const s = 1 - t;
  const [a, b, c, d] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
  return {
    x: a * from.x + b * bend1.x + c * bend2.x + d * to.x,
    y: a * from.y + b * bend1.y + c * bend2.y + d * to.y,
  };
}
