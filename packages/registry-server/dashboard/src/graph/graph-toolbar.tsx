import type { JSX } from 'preact';
import { Badge } from '../ui/badge.tsx';
import { count, formatRate, splitService } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Toggle } from '../ui/toggle.tsx';
import type { GraphView } from './graph-page.tsx';
import { type MeshGraph, sum } from './mesh-graph.ts';

export function GraphToolbar(props: {
  readonly graph: MeshGraph;
  readonly view: GraphView;
  readonly paused: boolean;
  readonly live: boolean;
  /** How many vertices the filter finds. */
  readonly found: number | undefined;
  readonly onChange: (change: Partial<GraphView>) => void;
  readonly onFocus: (id: string | undefined) => void;
  readonly onPause: () => void;
}): JSX.Element {
  const { graph, view, paused, live, found, onChange } = props;
  return (
    <div class="toolbar" role="toolbar" aria-label="Graph">
      <label class="filter">
        <Icon name="search" />
        <span class="visually-hidden">Find in the graph</span>
        <input
          type="search"
          placeholder="Find a service"
          value={view.find}
          spellcheck={false}
          onInput={(event) => onChange({ find: event.currentTarget.value })}
        />
        {found !== undefined && <span class="faint">{found}</span>}
      </label>
      <Toggle
        label="Group by namespace"
        on={view.namespaces}
        onChange={(namespaces) => onChange({ namespaces, focus: undefined })}
      />
      <Toggle
        label="Failing only"
        on={view.failing}
        onChange={(failing) => onChange({ failing })}
      />
      <Toggle label="As a table" on={view.table} onChange={(table) => onChange({ table })} />
      {view.focus !== undefined && (
        <button type="button" class="chip" onClick={() => props.onFocus(undefined)}>
          Around <b>{splitService(view.focus).name}</b>
          <Icon name="close" />
          <span class="visually-hidden">: show everything</span>
        </button>
      )}
      <span class="toolbar-rest">
        <span class="faint toolbar-sum">{summary(graph)}</span>
        <button
          type="button"
          class="button button-quiet"
          aria-pressed={paused}
          onClick={props.onPause}
        >
          <Icon name={paused ? 'play' : 'pause'} />
          {paused ? 'Go on' : 'Pause'}
        </button>
        <span role="status">
          {paused ? (
            <Badge>paused</Badge>
          ) : live ? (
            <Badge tone="ok">live</Badge>
          ) : (
            <Badge tone="warn">connecting</Badge>
          )}
        </span>
      </span>
    </div>
  );
}

function summary({ vertices, arcs }: MeshGraph): string {
  const services = sum(vertices, (vertex) => vertex.services);
  const rate = sum(arcs, ({ callsPerSecond }) => callsPerSecond);
  return `${count(services, 'service')} · ${formatRate(rate)} calls/s`;
}
