import type { JSX } from 'preact';
import { serviceHref } from '../shell/route.ts';
import { formatLatency, formatRate, splitService } from '../ui/format.ts';
import { ShareBar } from '../ui/share-bar.tsx';
import { ErrorRatio } from './error-ratio.tsx';
import type { Arc, MeshGraph, Vertex } from './mesh-graph.ts';
import { MutualTls } from './mutual-tls.tsx';

/** The graph in words: each connection a row, the busiest first. */
export function GraphTable(props: {
  readonly graph: MeshGraph;
  readonly found: ReadonlySet<string> | undefined;
}): JSX.Element {
  const { graph, found } = props;
  const vertices = new Map(graph.vertices.map((vertex) => [vertex.id, vertex]));
  const rows = graph.arcs
    .filter(({ source, target }) => found === undefined || found.has(source) || found.has(target))
    .sort((a, b) => b.callsPerSecond - a.callsPerSecond);
  return (
    <div class="table-scroll graph-table">
      <table>
        <caption class="visually-hidden">Who calls whom</caption>
        <thead>
          <tr>
            <th scope="col">Caller</th>
            <th scope="col">Called</th>
            <th scope="col" class="number">
              Calls/s
            </th>
            <th scope="col" class="number">
              Errors
            </th>
            <th scope="col" class="number">
              p50
            </th>
            <th scope="col" class="number">
              p99
            </th>
            <th scope="col">Mutual TLS</th>
            <th scope="col">Versions</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((arc) => (
            <Row key={arc.id} arc={arc} vertices={vertices} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row(props: {
  readonly arc: Arc;
  readonly vertices: ReadonlyMap<string, Vertex>;
}): JSX.Element {
  const { arc, vertices } = props;
  return (
    <tr>
      <th scope="row">
        <Name vertex={vertices.get(arc.source)} />
      </th>
      <td>
        <Name vertex={vertices.get(arc.target)} />
      </td>
      <td class="number">{formatRate(arc.callsPerSecond)}</td>
      <td class="number">
        <ErrorRatio traffic={arc} />
      </td>
      <td class="number">{arc.p50Ms === null ? '–' : formatLatency(arc.p50Ms)}</td>
      <td class="number">{arc.p99Ms === null ? '–' : formatLatency(arc.p99Ms)}</td>
      <td>
        <MutualTls ratio={arc.mutualTlsRatio} />
      </td>
      <td>
        {arc.versions.length > 1 && (
          <ShareBar shares={arc.versions.map((v) => ({ ...v, label: v.version }))} />
        )}
      </td>
    </tr>
  );
}

function Name({ vertex }: { readonly vertex: Vertex | undefined }): JSX.Element {
  if (vertex === undefined) return <>unknown</>;
  if (vertex.kind !== 'service') return <>{vertex.name}</>;
  const { name, namespace } = splitService(vertex.id);
  return (
    <a href={serviceHref(vertex.id)}>
      {name} <span class="faint">{namespace}</span>
    </a>
  );
}
