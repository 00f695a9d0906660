import type { PlacedVertex } from './layout.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
}

const minScale = 0.08;
const maxScale = 3;
/** Larger than life looks coarse when few are shown. */
const maxFitScale = 1.15;
const padding = 36;
/** What covers the right side of a wide screen while something is chosen. */
const inspectorWidth = 314;

/** Which part of the layout is seen: screen = layout × scale + offset. Glides to where it is sent. */
export class Viewport {
  scale = 1;
  x = 0;
  y = 0;
  width = 1;
  height = 1;
  #goal: { readonly scale: number; readonly x: number; readonly y: number } | undefined;

  get gliding(): boolean {
    return this.#goal !== undefined;
  }

  toLayout({ x, y }: Point): Point {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  toScreen({ x, y }: Point): Point {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }

  pan(dx: number, dy: number): void {
    this.#goal = undefined;
    this.x += dx;
    this.y += dy;
  }

  /** Keeps what is at `at` on the screen where it is. */
  zoom(factor: number, at: Point = { x: this.width / 2, y: this.height / 2 }): void {
    this.#goal = undefined;
    const scale = Math.min(maxScale, Math.max(minScale, this.scale * factor));
    const ratio = scale / this.scale;
    this.x = at.x - (at.x - this.x) * ratio;
    this.y = at.y - (at.y - this.y) * ratio;
    this.scale = scale;
  }

  /** Shows all of `vertices`. */
  fit(vertices: Iterable<PlacedVertex>, { glide }: { readonly glide: boolean }): void {
    const box = boundsOf(vertices);
    if (box === undefined) return;
    const [width, height] = [box.right - box.left, box.bottom - box.top];
    const room = { width: this.width - 2 * padding, height: this.height - 2 * padding };
    const fitting = Math.min(room.width / width, room.height / height, maxFitScale);
    const scale = Math.max(minScale, fitting);
    this.#goal = {
      scale,
      x: this.width / 2 - (scale * (box.left + box.right)) / 2,
      y: this.height / 2 - (scale * (box.top + box.bottom)) / 2,
    };
    if (!glide) this.glide(1);
  }

  /** Moves so far that `vertex` is well inside, beside what tells of it; not at all when it is. */
  reveal(vertex: PlacedVertex): void {
    const { x, y } = this.toScreen(vertex);
    const right = this.width > 760 ? this.width - inspectorWidth - 110 : this.width - 90;
    const dx = Math.max(0, 90 - x) - Math.max(0, x - right);
    const dy = Math.max(0, 60 - y) - Math.max(0, y - (this.height - 60));
    if (dx !== 0 || dy !== 0) this.#goal = { scale: this.scale, x: this.x + dx, y: this.y + dy };
  }

  /** Goes a part of the rest of the way; 1 is all. */
  glide(part = 0.22): void {
    const goal = this.#goal;
    if (goal === undefined) return;
    this.scale += (goal.scale - this.scale) * part;
    this.x += (goal.x - this.x) * part;
    this.y += (goal.y - this.y) * part;
    const rest = Math.abs(goal.x - this.x) + Math.abs(goal.y - this.y);
    if (rest < 0.5 && Math.abs(goal.scale - this.scale) < 0.001) {
      Object.assign(this, goal);
      this.#goal = undefined;
    }
  }
}

function boundsOf(vertices: Iterable<PlacedVertex>): Box | undefined {
  let box: Box | undefined;
  for (const { x, y, size } of vertices) {
    const [w, h] = [size.width / 2, size.height / 2];
    box = {
      left: Math.min(box?.left ?? Number.POSITIVE_INFINITY, x - w),
      top: Math.min(box?.top ?? Number.POSITIVE_INFINITY, y - h),
      right: Math.max(box?.right ?? Number.NEGATIVE_INFINITY, x + w),
      bottom: Math.max(box?.bottom ?? Number.NEGATIVE_INFINITY, y + h),
    };
  }
  return box;
}
