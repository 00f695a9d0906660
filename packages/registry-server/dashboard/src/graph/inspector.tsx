import type { JSX } from 'preact';
import { href, serviceHref } from '../shell/route.ts';
import { Badge } from '../ui/badge.tsx';
import { formatLatency, formatRate } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { ShareBar } from '../ui/share-bar.tsx';
import { Table } from '../ui/table.tsx';
import { ErrorRatio } from './error-ratio.tsx';
import type { Target } from './hit-test.ts';
import type { Arc, MeshGraph, Traffic, Vertex } from './mesh-graph.ts';
import { MutualTls } from './mutual-tls.tsx';
import { TrafficCells, trafficColumns } from './traffic-columns.tsx';

/** More neighbours than that are in the table. */
const maxNeighbours = 8;

/** What is chosen in the graph, in words. Read aloud when it changes. */
export function Inspector(props: {
  readonly graph: MeshGraph;
  readonly target: Target | undefined;
  readonly onFocus: (id: string) => void;
  readonly onSelect: (target: Target | undefined) => void;
}): JSX.Element | null {
  const { graph, target, onSelect } = props;
  const vertex = graph.vertices.find(({ id }) => target?.kind === 'vertex' && id === target.id);
  const arc = graph.arcs.find(({ id }) => target?.kind === 'arc' && id === target.id);
  return (
    <div aria-live="polite">
      {(vertex !== undefined || arc !== undefined) && (
        <aside class="inspector" aria-label="Chosen in the graph">
          <button
            type="button"
            class="button button-quiet inspector-close"
            aria-label="Close"
            onClick={() => onSelect(undefined)}
          >
            <Icon name="close" />
          </button>
          {vertex !== undefined && <VertexDetails {...props} vertex={vertex} />}
          {arc !== undefined && <ArcDetails graph={graph} arc={arc} onSelect={onSelect} />}
        </aside>
      )}
    </div>
  );
}

function VertexDetails(props: {
  readonly graph: MeshGraph;
  readonly vertex: Vertex;
  readonly onFocus: (id: string) => void;
  readonly onSelect: (target: Target) => void;
}): JSX.Element {
  const { graph, vertex, onFocus, onSelect } = props;
  const { arcs } = graph;
  return (
    <>
      <p class="inspector-kind">{kindText(vertex)}</p>
      <h2>{vertex.name}</h2>
      <Figures traffic={vertex} />
      {vertex.kind === 'service' && (
        <p class="inspector-line">
          <Badge tone={vertex.up < vertex.endpoints ? 'warn' : 'ok'}>
            {vertex.up} of {vertex.endpoints} up
          </Badge>
          {vertex.openBreakers > 0 && (
            <Badge tone="warn">{vertex.openBreakers} breakers open</Badge>
          )}
          {vertex.ejections > 0 && <Badge tone="warn">{vertex.ejections} ejected</Badge>}
        </p>
      )}
      {vertex.versions.length > 1 && (
        <ShareBar shares={vertex.versions.map((v) => ({ ...v, label: v.version }))} />
      )}
      <Neighbours
        title="Called by"
        arcs={arcs.filter(({ target }) => target === vertex.id)}
        end="source"
        graph={graph}
        onSelect={onSelect}
      />
      <Neighbours
        title="Calls"
        arcs={arcs.filter(({ source }) => source === vertex.id)}
        end="target"
        graph={graph}
        onSelect={onSelect}
      />
      <p class="inspector-actions">
        <button type="button" class="button" onClick={() => onFocus(vertex.id)}>
          Focus
        </button>
        {vertex.kind === 'service' && (
          <>
            <a class="button button-main" href={serviceHref(vertex.id)}>
              Open service
            </a>
            <a class="button" href={href('why', [], { to: vertex.id })}>
              Why?
            </a>
          </>
        )}
      </p>
    </>
  );
}

function Neighbours(props: {
  readonly title: string;
  readonly arcs: readonly Arc[];
  readonly end: 'source' | 'target';
  readonly graph: MeshGraph;
  readonly onSelect: (target: Target) => void;
}): JSX.Element | null {
  const { title, arcs, end, graph, onSelect } = props;
  if (arcs.length === 0) return null;
  const sorted = [...arcs].sort((a, b) => b.callsPerSecond - a.callsPerSecond);
  return (
    <>
      <h3>{title}</h3>
      <ul class="neighbours">
        {sorted.slice(0, maxNeighbours).map((arc) => (
          <li key={arc.id}>
            <button type="button" onClick={() => onSelect({ kind: 'arc', id: arc.id })}>
              <span>{nameOf(graph, arc[end])}</span>
              <span class="faint">{formatRate(arc.callsPerSecond)}/s</span>
              <ErrorRatio traffic={arc} />
            </button>
          </li>
        ))}
        {sorted.length > maxNeighbours && (
          <li class="faint">and {sorted.length - maxNeighbours} more</li>
        )}
      </ul>
    </>
  );
}

function ArcDetails(props: {
  readonly graph: MeshGraph;
  readonly arc: Arc;
  readonly onSelect: (target: Target) => void;
}): JSX.Element {
  const { graph, arc, onSelect } = props;
  return (
    <>
      <p class="inspector-kind">Connection</p>
      <h2>
        {nameOf(graph, arc.source)} <span class="faint">→</span> {nameOf(graph, arc.target)}
      </h2>
      <Figures traffic={arc} />
      <p class="inspector-line">
        Mutual TLS: <MutualTls ratio={arc.mutualTlsRatio} />
      </p>
      {arc.versions.length > 1 && (
        <ShareBar shares={arc.versions.map((v) => ({ ...v, label: v.version }))} />
      )}
      {arc.versions.length > 1 && (
        <Table
          class="plain-table"
          caption="Versions that are called"
          columns={['Version', ...trafficColumns]}
        >
          {arc.versions.map((version) => (
            <tr key={version.version}>
              <th scope="row">{version.version || '–'}</th>
              <TrafficCells traffic={version} />
            </tr>
          ))}
        </Table>
      )}
      <p class="inspector-actions">
        {[arc.source, arc.target].map((id) => (
          <button
            key={id}
            type="button"
            class="button"
            onClick={() => onSelect({ kind: 'vertex', id })}
          >
            {nameOf(graph, id)}
          </button>
        ))}
      </p>
    </>
  );
}

function Figures({ traffic }: { readonly traffic: Traffic }): JSX.Element {
  const { callsPerSecond, errorRatio, p50Ms, p99Ms } = traffic;
  return (
    <dl class="figures">
      <div>
        <dt>Calls/s</dt>
        <dd>{formatRate(callsPerSecond)}</dd>
      </div>
      <div>
        <dt>Errors</dt>
        <dd>
          <ErrorRatio traffic={{ callsPerSecond, errorRatio }} />
        </dd>
      </div>
      <div>
        <dt>p50</dt>
        <dd>{formatLatency(p50Ms)}</dd>
      </div>
      <div>
        <dt>p99</dt>
        <dd>{formatLatency(p99Ms)}</dd>
      </div>
    </dl>
  );
}

function kindText({ kind, namespace, services }: Vertex): string {
  switch (kind) {
    case 'service':
      return `Service in ${namespace}`;
    case 'namespace':
      return `Namespace, ${services} services`;
    case 'outside':
      return 'Outside the mesh';
    default:
      return 'Callers without a name';
  }
}

function nameOf({ vertices }: MeshGraph, id: string): string {
  return vertices.find((vertex) => vertex.id === id)?.name ?? id;
}
