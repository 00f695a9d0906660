import type { JSX } from 'preact';
import type { MeshGraph } from '../graph/mesh-graph.ts';
import { MutualTls } from '../graph/mutual-tls.tsx';
import { TrafficCells, trafficColumns } from '../graph/traffic-columns.tsx';
import { serviceHref } from '../shell/route.ts';
import { Empty } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { Table } from '../ui/table.tsx';

/** Who calls a service, or whom it calls. */
export function PeerTable(props: {
  readonly title: string;
  readonly graph: MeshGraph | undefined;
  readonly service: string;
  /** The end of an arc at which the peer is. */
  readonly end: 'source' | 'target';
}): JSX.Element {
  const { title, graph, service, end } = props;
  const own = end === 'source' ? 'target' : 'source';
  const arcs = (graph?.arcs ?? [])
    .filter((arc) => arc[own] === service)
    .sort((a, b) => b.callsPerSecond - a.callsPerSecond);
  const vertices = new Map(graph?.vertices.map((vertex) => [vertex.id, vertex]));
  return (
    <Panel title={title} flush>
      {arcs.length === 0 ? (
        <Empty
          title={
            end === 'source'
              ? 'Nobody called it in the last hour'
              : 'It called nobody in the last hour'
          }
        />
      ) : (
        <Table caption={title} columns={['Service', ...trafficColumns, 'Mutual TLS']}>
          {arcs.map((arc) => {
            const peer = vertices.get(arc[end]);
            return (
              <tr key={arc.id}>
                <th scope="row">
                  {peer?.kind === 'service' ? (
                    <a href={serviceHref(peer.id)}>{peer.name}</a>
                  ) : (
                    (peer?.name ?? arc[end])
                  )}
                </th>
                <TrafficCells traffic={arc} />
                <td>
                  <MutualTls ratio={arc.mutualTlsRatio} />
                </td>
              </tr>
            );
          })}
        </Table>
      )}
    </Panel>
  );
}
