import type { JSX } from 'preact';
import { ErrorRatio } from '../graph/error-ratio.tsx';
import type { MeshGraph } from '../graph/mesh-graph.ts';
import { MutualTls } from '../graph/mutual-tls.tsx';
import { serviceHref } from '../shell/route.ts';
import { formatLatency, formatRate } from '../ui/format.ts';
import { Empty } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';

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
        <div class="table-scroll">
          <table>
            <caption class="visually-hidden">{title}</caption>
            <thead>
              <tr>
                <th scope="col">Service</th>
                <th scope="col" class="number">
                  Calls/s
                </th>
                <th scope="col" class="number">
                  Errors
                </th>
                <th scope="col" class="number">
                  p99
                </th>
                <th scope="col">Mutual TLS</th>
              </tr>
            </thead>
            <tbody>
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
                    <td class="number">{formatRate(arc.callsPerSecond)}</td>
                    <td class="number">
                      <ErrorRatio traffic={arc} />
                    </td>
                    <td class="number">{arc.p99Ms === null ? '–' : formatLatency(arc.p99Ms)}</td>
                    <td>
                      <MutualTls ratio={arc.mutualTlsRatio} />
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
