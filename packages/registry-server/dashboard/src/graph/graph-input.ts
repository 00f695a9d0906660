import { type Direction, hitTest, neighbour, type Target } from './hit-test.ts';
import type { Layout } from './layout.ts';
import type { Arc } from './mesh-graph.ts';
import type { Point, Viewport } from './viewport.ts';

/** What pointer and keys act on. */
export interface GraphInput {
  readonly element: HTMLCanvasElement;
  readonly layout: Layout;
  readonly viewport: Viewport;
  arcs(): readonly Arc[];
  selected(): Target | undefined;
  select(target: Target | undefined): void;
  focus(id: string | undefined): void;
  hover(target: Target | undefined): void;
  /** The viewport was moved by hand. */
  moved(): void;
  fit(): void;
}

/** A press that moved less than this is a click: pixels. */
const clickSlack = 4;

/** Drag pans, wheel and pinch zoom, click selects, double click focuses. Returns what ends it. */
export function bindPointer(input: GraphInput): () => void {
  const { element, viewport, layout } = input;
  const pressed = new Map<number, Point>();
  let travelled = 0;
  const at = ({ clientX, clientY }: MouseEvent): Point => {
    const { left, top } = element.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const under = (point: Point): Target | undefined => {
    const scene = { vertices: layout.vertices, arcs: input.arcs(), style: layout.style };
    return hitTest(viewport.toLayout(point), scene, viewport.scale);
  };
  const listeners: {
    readonly [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void;
  } = {
    pointerdown(event) {
      element.setPointerCapture(event.pointerId);
      pressed.set(event.pointerId, at(event));
      travelled = 0;
    },
    pointermove(event) {
      const to = at(event);
      const from = pressed.get(event.pointerId);
      if (from === undefined) {
        input.hover(under(to));
        return;
      }
      pressed.set(event.pointerId, to);
      const other = [...pressed].find(([id]) => id !== event.pointerId)?.[1];
      travelled += Math.hypot(to.x - from.x, to.y - from.y);
      if (travelled < clickSlack) return;
      if (other === undefined) {
        viewport.pan(to.x - from.x, to.y - from.y);
      } else {
        const spread = Math.hypot(to.x - other.x, to.y - other.y);
        const before = Math.hypot(from.x - other.x, from.y - other.y);
        if (before > 0)
          viewport.zoom(spread / before, { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 });
      }
      input.moved();
    },
    pointerup(event) {
      if (pressed.delete(event.pointerId) && travelled < clickSlack) input.select(under(at(event)));
    },
    pointercancel(event) {
      pressed.delete(event.pointerId);
    },
    pointerleave() {
      input.hover(undefined);
    },
    dblclick(event) {
      const target = under(at(event));
      if (target?.kind === 'vertex') input.focus(target.id);
    },
    wheel(event) {
      event.preventDefault();
      viewport.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), at(event));
      input.moved();
    },
  };
  return listen(element, listeners);
}

const directions: Readonly<Record<string, Direction>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

/** Arrows go from service to service, Enter focuses, Escape leaves, plus, minus and 0 zoom. */
export function bindKeys(input: GraphInput): () => void {
  const { element, viewport, layout } = input;
  const zoom = (factor: number) => (): void => {
    viewport.zoom(factor);
    input.moved();
  };
  const actions: Readonly<Record<string, () => void>> = {
    Enter() {
      const target = input.selected();
      if (target?.kind === 'vertex') input.focus(target.id);
    },
    Escape() {
      if (input.selected() === undefined) input.focus(undefined);
      else input.select(undefined);
    },
    '+': zoom(1.25),
    '=': zoom(1.25),
    '-': zoom(0.8),
    '0': () => input.fit(),
  };
  return listen(element, {
    keydown(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const direction = directions[event.key];
      const action = actions[event.key];
      if (direction !== undefined) {
        const selected = input.selected();
        const from = selected?.kind === 'vertex' ? selected.id : undefined;
        const next = neighbour(layout.vertices, from, direction);
        if (next !== undefined) {
          viewport.reveal(next);
          input.select({ kind: 'vertex', id: next.vertex.id });
        }
      } else if (action !== undefined) {
        action();
      } else {
        return;
      }
      event.preventDefault();
    },
  });
}

function listen(
  element: HTMLElement,
  listeners: {
    readonly [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void;
  },
): () => void {
  const controller = new AbortController();
  for (const [name, listener] of Object.entries(listeners)) {
    element.addEventListener(name, listener as EventListener, { signal: controller.signal });
  }
  return () => controller.abort();
}
