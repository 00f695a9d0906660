import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { href } from '../shell/route.ts';
import { navigate } from '../shell/use-route.ts';
import { Empty, ErrorNote, Loading } from '../ui/page.tsx';
import { GraphCanvas } from './graph-canvas.tsx';
import { GraphLegend } from './graph-legend.tsx';
import { GraphTable } from './graph-table.tsx';
import { GraphToolbar } from './graph-toolbar.tsx';
import type { Target } from './hit-test.ts';
import { Inspector } from './inspector.tsx';
import { emptyGraph, type MeshGraph, meshGraph } from './mesh-graph.ts';
import { narrow } from './narrow.ts';
import { useCallGraph } from './use-call-graph.ts';

/** How many calls away from a focus is still shown, unless the address says otherwise. */
const focusDepth = 2;

/** What the graph's address says: `#/graph?focus=…&find=…&group=namespaces&failing=yes&view=table`. */
export interface GraphView {
  readonly focus: string | undefined;
  readonly find: string;
  readonly namespaces: boolean;
  readonly failing: boolean;
  readonly table: boolean;
}

export function GraphPage(props: { readonly query: ReadonlyMap<string, string> }): JSX.Element {
  const view = viewOf(props.query);
  const [paused, setPaused] = useState(false);
  const [selected, setSelected] = useState<Target | undefined>();
  const { graph: told, error, live } = useCallGraph(paused);
  const whole = useMemo(() => (told === undefined ? emptyGraph : meshGraph(told)), [told]);
  const graph = useMemo(
    () =>
      narrow(whole, {
        focus: view.focus,
        depth: focusDepth,
        failing: view.failing,
        grouping: view.namespaces ? 'namespaces' : 'services',
      }),
    [whole, view.focus, view.failing, view.namespaces],
  );
  const found = useMemo(() => matching(graph, view.find), [graph, view.find]);
  useEffect(() => {
    document.title = 'Graph · Inmesh';
  }, []);
  const change = (next: Partial<GraphView>): void =>
    navigate(address({ ...view, ...next }), { replace: true });
  const focus = (id: string | undefined): void => navigate(address({ ...view, focus: id }));
  const empty = told !== undefined && graph.vertices.length === 0;
  return (
    <div class="graph-page">
      <h1 class="visually-hidden">Graph</h1>
      <GraphToolbar
        graph={graph}
        view={view}
        paused={paused}
        live={live}
        found={found?.size}
        onChange={change}
        onFocus={focus}
        onPause={() => setPaused(!paused)}
      />
      <ErrorNote error={error} />
      <div class="graph-stage">
        {told === undefined && error === undefined && <Loading />}
        {empty && <NothingThere failing={view.failing} />}
        {view.table ? (
          <GraphTable graph={graph} found={found} />
        ) : (
          <>
            <GraphCanvas
              graph={graph}
              selected={selected}
              found={found}
              fitKey={`${view.focus} ${view.namespaces} ${view.failing}`}
              still={paused}
              onSelect={setSelected}
              onFocus={focus}
            />
            <GraphLegend dots={graph.vertices.length} />
          </>
        )}
        <Inspector
          graph={graph}
          target={view.table ? undefined : selected}
          onFocus={focus}
          onSelect={setSelected}
        />
      </div>
    </div>
  );
}

function NothingThere({ failing }: { readonly failing: boolean }): JSX.Element {
  return (
    <div class="graph-empty">
      {failing ? (
        <Empty title="Nothing fails">No connection has errors in the last seconds.</Empty>
      ) : (
        <Empty title="No service yet">
          Services appear here as soon as they register and call each other:{' '}
          <code>createMesh({'{ service: "orders", registry: "…" }'})</code>
        </Empty>
      )}
    </div>
  );
}

function viewOf(query: ReadonlyMap<string, string>): GraphView {
  return {
    focus: query.get('focus'),
    find: query.get('find') ?? '',
    namespaces: query.get('group') === 'namespaces',
    failing: query.get('failing') === 'yes',
    table: query.get('view') === 'table',
  };
}

function address({ focus, find, namespaces, failing, table }: GraphView): string {
  return href('graph', [], {
    focus,
    find,
    group: namespaces ? 'namespaces' : undefined,
    failing: failing ? 'yes' : undefined,
    view: table ? 'table' : undefined,
  });
}

/** The vertices whose name has `text` in it; `undefined` when nothing is looked for. */
function matching({ vertices }: MeshGraph, text: string): ReadonlySet<string> | undefined {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return undefined;
  return new Set(
    vertices.filter(({ id }) => id.toLowerCase().includes(wanted)).map(({ id }) => id),
  );
}
