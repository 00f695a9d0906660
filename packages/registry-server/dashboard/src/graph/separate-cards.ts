import type { Force } from 'd3-force';
import type { PlacedVertex } from './layout.ts';

/** Room between two cards of a column. */
const gap = 34;

/** A force that pushes the cards of a column apart, up and down. There are few: each is compared with each. */
export function separateCards(): Force<PlacedVertex, undefined> {
  let nodes: readonly PlacedVertex[] = [];
  const force = (): void => {
    for (const [i, a] of nodes.entries()) {
      for (let j = i + 1; j < nodes.length; j += 1) push(a, nodes[j] as PlacedVertex);
    }
  };
  force.initialize = (all: PlacedVertex[]): void => {
    nodes = all;
  };
  return force;
}

function push(a: PlacedVertex, b: PlacedVertex): void {
  if (Math.abs(b.x - a.x) >= (a.size.width + b.size.width) / 2) return;
  const dy = b.y - a.y;
  const overlap = (a.size.height + b.size.height) / 2 + gap - Math.abs(dy);
  if (overlap <= 0) return;
  const shift = (overlap / 2) * (dy < 0 ? -1 : 1);
  a.y -= shift;
  b.y += shift;
}
