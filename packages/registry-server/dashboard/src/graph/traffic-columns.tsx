import type { JSX } from 'preact';
import { formatLatency, formatRate } from '../ui/format.ts';
import { type Column, numbers } from '../ui/table.tsx';
import { ErrorRatio } from './error-ratio.tsx';
import type { Traffic } from './mesh-graph.ts';

/** The columns in which tables tell of traffic; `TrafficCells` are below them. */
export const trafficColumns: readonly Column[] = ['Calls/s', 'Errors', 'p50', 'p99'].map(numbers);

export function TrafficCells({ traffic }: { readonly traffic: Traffic }): JSX.Element {
  const { callsPerSecond, p50Ms, p99Ms } = traffic;
  return (
    <>
      <td class="number">{formatRate(callsPerSecond)}</td>
      <td class="number">
        <ErrorRatio traffic={traffic} />
      </td>
      <td class="number">{formatLatency(p50Ms)}</td>
      <td class="number">{formatLatency(p99Ms)}</td>
    </>
  );
}
