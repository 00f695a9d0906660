import type { CallGraph } from '@inmesh/core';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { useLive } from '../api/use-live.ts';
import { type Arc, meshGraph, sum } from '../graph/mesh-graph.ts';
import { MutualTls } from '../graph/mutual-tls.tsx';
import { count, formatRate, formatRatio } from '../ui/format.ts';
import { Empty } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';

/** As many as one would go through at a time. */
const shown = 12;

/** How much of the traffic goes over mutual TLS, and what does not. */
export function ProtectionPanel(): JSX.Element {
  const { data } = useLive<CallGraph>('/v1/graph');
  const graph = useMemo(() => data && meshGraph(data), [data]);
  const arcs = (graph?.arcs ?? []).filter(({ callsPerSecond }) => callsPerSecond > 0);
  const kinds = new Map(graph?.vertices.map(({ id, kind, name }) => [id, { kind, name }]));
  const inside = arcs.filter(({ source, target }) =>
    [source, target].every((id) => kinds.get(id)?.kind === 'service'),
  );
  const total = sum(inside, ({ callsPerSecond }) => callsPerSecond);
  const secured = sum(inside, (arc) => arc.callsPerSecond * arc.mutualTlsRatio);
  const open = inside.filter(({ mutualTlsRatio }) => mutualTlsRatio < 0.995).sort(byRate);
  const ratio = total === 0 ? 0 : secured / total;
  return (
    <Panel title="Mutual TLS" note="of the calls inside the mesh in the last seconds">
      {total === 0 ? (
        <Empty title="No calls" />
      ) : (
        <div class="protection">
          <div class="protection-sum">
            <p class="big-figure">{formatRatio(ratio)}</p>
            <progress max={1} value={ratio} aria-label="Share of calls over mutual TLS" />
            <p class="soft">
              {open.length === 0
                ? 'Every connection is protected.'
                : `${count(open.length, 'connection')} with plain calls`}
            </p>
          </div>
          {open.length > 0 && (
            <ul class="lines lines-inset">
              {open.slice(0, shown).map((arc) => (
                <li key={arc.id}>
                  <span>
                    {kinds.get(arc.source)?.name} → {kinds.get(arc.target)?.name}
                  </span>
                  <span class="faint">{formatRate(arc.callsPerSecond)}/s</span>
                  <MutualTls ratio={arc.mutualTlsRatio} />
                </li>
              ))}
              {open.length > shown && <li class="faint">and {open.length - shown} more</li>}
            </ul>
          )}
        </div>
      )}
    </Panel>
  );
}

function byRate(a: Arc, b: Arc): number {
  return b.callsPerSecond - a.callsPerSecond;
}
