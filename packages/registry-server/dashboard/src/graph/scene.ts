import type { Colours } from '../theme/palette.ts';
import type { Target } from './hit-test.ts';
import type { Layout } from './layout.ts';
import type { Arc } from './mesh-graph.ts';
import type { Viewport } from './viewport.ts';

/** What a frame is drawn of. */
export interface Scene {
  readonly layout: Layout;
  readonly arcs: readonly Arc[];
  readonly viewport: Viewport;
  readonly colours: Colours;
  readonly selected: Target | undefined;
  readonly hovered: Target | undefined;
  /** Vertices that the filter finds; `undefined` without a filter. */
  readonly found: ReadonlySet<string> | undefined;
  /** Seconds, for what travels along the arcs; `undefined` draws nothing that moves. */
  readonly time: number | undefined;
}

/** Of texts on the canvas: the same as the page's. */
export const fontFamily = '"Inter Variable", system-ui, sans-serif';
