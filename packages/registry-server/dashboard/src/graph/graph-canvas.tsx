import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { useColours } from '../theme/theme.ts';
import { drawScene } from './draw-scene.ts';
import { bindKeys, bindPointer, type GraphInput } from './graph-input.ts';
import type { Target } from './hit-test.ts';
import { Layout } from './layout.ts';
import type { MeshGraph } from './mesh-graph.ts';
import { Viewport } from './viewport.ts';

export interface GraphCanvasProps {
  readonly graph: MeshGraph;
  readonly selected: Target | undefined;
  readonly found: ReadonlySet<string> | undefined;
  /** Changes when the whole should be fitted into view again. */
  readonly fitKey: string;
  readonly still: boolean;
  readonly onSelect: (target: Target | undefined) => void;
  readonly onFocus: (id: string | undefined) => void;
}

const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

/**
 * The graph on a canvas: 500 services as elements of the page would not move at 30 frames a second.
 * The table beside it says the same to those who do not see it.
 */
export function GraphCanvas(props: GraphCanvasProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = useColours();
  const stage = useMemo(() => ({ layout: new Layout(), viewport: new Viewport(), fitted: '' }), []);
  const current = useRef({ ...props, colours, hovered: undefined as Target | undefined });
  Object.assign(current.current, props, { colours });
  const redraw = useRef<() => void>(() => {});

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (element == null || context == null) return;
    const { layout, viewport } = stage;
    let frame = 0;
    const draw = (now: number): void => {
      frame = 0;
      if (layout.vertices.size === 0) {
        context.clearRect(0, 0, viewport.width, viewport.height);
        return;
      }
      const { graph, selected, hovered, found, still, colours: present } = current.current;
      const quiet = still || reducedMotion.matches;
      layout.step({ settle: reducedMotion.matches });
      if (layout.moving && stage.fitted === 'all')
        viewport.fit(layout.vertices.values(), { glide: false });
      viewport.glide(reducedMotion.matches ? 1 : undefined);
      const time = quiet ? undefined : now / 1_000;
      drawScene(context, {
        layout,
        viewport,
        arcs: graph.arcs,
        colours: present,
        selected,
        hovered,
        found,
        time,
      });
      if (element.dataset.frames === undefined) performance.mark('inmesh-graph-painted');
      element.dataset.frames = String(Number(element.dataset.frames ?? 0) + 1);
      element.dataset.state = layout.moving ? 'moving' : 'settled';
      if (layout.moving || viewport.gliding || (!quiet && hasTraffic(graph))) redraw.current();
    };
    redraw.current = () => {
      if (frame === 0) frame = requestAnimationFrame(draw);
    };
    const resize = new ResizeObserver(() => {
      const { width, height } = element.getBoundingClientRect();
      if (width === 0 || height === 0) return;
      const ratio = devicePixelRatio;
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      Object.assign(viewport, { width, height });
      layout.update(current.current.graph, width);
      if (stage.fitted === 'all') viewport.fit(layout.vertices.values(), { glide: false });
      redraw.current();
    });
    resize.observe(element);
    const input: GraphInput = {
      element,
      layout,
      viewport,
      arcs: () => current.current.graph.arcs,
      selected: () => current.current.selected,
      select: (target) => current.current.onSelect(target),
      focus: (id) => current.current.onFocus(id),
      hover(target) {
        if (current.current.hovered?.id === target?.id) return;
        current.current.hovered = target;
        element.style.cursor = target === undefined ? 'grab' : 'pointer';
        redraw.current();
      },
      moved() {
        stage.fitted = 'by hand';
        redraw.current();
      },
      fit() {
        stage.fitted = 'all';
        viewport.fit(layout.vertices.values(), { glide: true });
        redraw.current();
      },
    };
    const unbind = [bindPointer(input), bindKeys(input)];
    void document.fonts.ready.then(() => redraw.current());
    return () => {
      cancelAnimationFrame(frame);
      redraw.current = () => {};
      resize.disconnect();
      for (const off of unbind) off();
    };
  }, [stage]);

  useEffect(() => {
    // Before the first measure there is nothing to lay out for.
    if (stage.viewport.width <= 1) return;
    const changed = stage.layout.update(props.graph, stage.viewport.width);
    if (changed && stage.fitted !== 'by hand') {
      stage.fitted = 'all';
      stage.viewport.fit(stage.layout.vertices.values(), { glide: false });
    }
    redraw.current();
  }, [props.graph]);
  useEffect(() => {
    stage.fitted = 'all';
    stage.viewport.fit(stage.layout.vertices.values(), { glide: true });
    redraw.current();
  }, [props.fitKey]);
  useEffect(() => redraw.current());

  return (
    // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: the keys are its own, not those of reading
    <canvas
      ref={canvas}
      class="graph-canvas"
      tabIndex={0}
      role="application"
      aria-label={`Call graph of ${props.graph.vertices.length} services. Arrow keys move from service to service, Enter focuses, Escape leaves the focus.`}
    />
  );
}

function hasTraffic({ arcs }: MeshGraph): boolean {
  return arcs.some(({ callsPerSecond, idle }) => callsPerSecond > 0 && !idle);
}
