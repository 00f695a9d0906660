import type { JSX } from 'preact';
import { serviceHref } from '../shell/route.ts';
import { splitService } from '../ui/format.ts';
import { ShareBar } from '../ui/share-bar.tsx';
import { Table } from '../ui/table.tsx';
import type { Arc, MeshGraph, Vertex } from './mesh-graph.ts';
import { MutualTls } from './mutual-tls.tsx';
import { TrafficCells, trafficColumns } from './traffic-columns.tsx';

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
    <Table
      class="graph-table"
      caption="Who calls whom"
      columns={['Caller', 'Called', ...trafficColumns, 'Mutual TLS', 'Versions']}
    >
      {rows.map((arc) => (
        <Row key={arc.id} arc={arc} vertices={vertices} />
      ))}
    </Table>
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
      <TrafficCells traffic={arc} />
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
