import type { ServiceHistory, TrafficColumns } from '@inmesh/core';
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useLive } from '../api/use-live.ts';
import { versionColour } from '../theme/palette.ts';
import { Chart, type ChartLine } from '../ui/chart.tsx';
import { formatLatency, formatRate, formatRatio } from '../ui/format.ts';
import { Loading } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { Toggle } from '../ui/toggle.tsx';
import { coarser } from './coarser.ts';

type Range = '5m' | '1h';

/** Shorter steps are joined. */
const smoothMs = 5_000;

/** Rate, errors and latency of a service by version, over the last minutes or the last hour. */
export function ServiceCharts({ base }: { readonly base: string }): JSX.Element {
  const [range, setRange] = useState<Range>('5m');
  const { data } = useLive<ServiceHistory>(
    `${base}/history?range=${range}`,
    range === '5m' ? 3_000 : 15_000,
  );
  const charts = useMemo(
    () => data && chartsOf(data.stepMs < smoothMs ? coarser(data, smoothMs / data.stepMs) : data),
    [data],
  );
  return (
    <Panel
      title="Traffic"
      note="inbound, as its callers and itself report it"
      actions={(['5m', '1h'] as const).map((one) => (
        <Toggle
          key={one}
          label={one === '5m' ? '5 minutes' : '1 hour'}
          on={range === one}
          onChange={() => setRange(one)}
        />
      ))}
    >
      {charts === undefined ? (
        <Loading />
      ) : (
        <div class="charts">
          <Chart
            title="Calls per second"
            times={charts.times}
            lines={charts.rate}
            format={formatRate}
          />
          <Chart
            title="Share of errors"
            times={charts.times}
            lines={charts.errors}
            format={formatRatio}
          />
          <Chart
            title="Latency"
            times={charts.times}
            lines={charts.latency}
            format={formatLatency}
          />
        </div>
      )}
    </Panel>
  );
}

interface Charts {
  readonly times: readonly number[];
  readonly rate: readonly ChartLine[];
  readonly errors: readonly ChartLine[];
  readonly latency: readonly ChartLine[];
}

/** The clocks of the registry and of this browser are not compared: times are counted back from now. */
function chartsOf({ steps, stepMs, endsAgoMs, versions }: ServiceHistory): Charts {
  const end = Date.now() - endsAgoMs;
  const times = Array.from({ length: steps }, (_, i) => (end - (steps - 1 - i) * stepMs) / 1_000);
  const sorted = [...versions].sort((a, b) => (a.version < b.version ? -1 : 1));
  const several = sorted.length > 1;
  const lines = (
    value: (columns: TrafficColumns, i: number) => number | null,
    filled: boolean,
    suffix = '',
    dash?: readonly number[],
  ): ChartLine[] =>
    sorted.map((columns, index) => ({
      label:
        [columns.version || (several ? 'unversioned' : ''), suffix].filter(Boolean).join(' ') ||
        'all',
      colour: versionColour(index),
      values: columns.calls.map((_, i) => value(columns, i)),
      filled,
      ...(dash === undefined ? {} : { dash }),
    }));
  return {
    times,
    rate: lines(({ calls }, i) => ((calls[i] ?? 0) * 1_000) / stepMs, true),
    errors: lines(({ calls, errors }, i) => (calls[i] ? (errors[i] ?? 0) / calls[i] : null), false),
    latency: [
      ...lines(({ p99Ms }, i) => p99Ms[i] ?? null, false, 'p99'),
      ...lines(({ p50Ms }, i) => p50Ms[i] ?? null, false, 'p50', [4, 4]),
    ],
  };
}
