import { createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import { MeshError } from '@inmesh/core';
import type { TelemetryAdapter } from './adapter.ts';
import { within } from './recorder-options.ts';
import type { TrafficSeries } from './series.ts';
import {
  type MetricsTelemetry,
  type StandardMetric,
  sideOf,
  type TagOverride,
  wholeTelemetry,
  withTags,
} from './telemetry/telemetry-policy.ts';

export interface StatsdOptions {
  /** An IP literal. @default '127.0.0.1' */
  readonly host?: string;
  /** @default 8125 */
  readonly port?: number;
  /** Before every name, with a dot. @default 'inmesh' */
  readonly prefix?: string;
  /** `dogstatsd` puts labels into tags, `none` into the name. @default 'none' */
  readonly tags?: 'none' | 'dogstatsd';
  /** How often it sends, milliseconds; 1,000..3,600,000. @default 10_000 */
  readonly flushEveryMs?: number;
}

/** What fits in one Ethernet frame with room for a tunnel: larger datagrams are lost whole when one fragment is. */
const maxDatagramBytes = 1_400;

/** What was sent of a series, to send only what came since. */
interface Sent {
  count: number;
  totalMs: number;
}

/**
 * Sends what was counted since the last flush: `requests` as a counter and `duration`, the mean of
 * the interval, as a timer that stands for so many (`|@rate`). Throws `invalid_argument`.
 */
export function statsd(options: StatsdOptions = {}): TelemetryAdapter {
  const { host = '127.0.0.1', prefix = 'inmesh', tags = 'none' } = options;
  const port = within('port', options.port ?? 8125, 1, 65_535);
  const flushEveryMs = within('flushEveryMs', options.flushEveryMs ?? 10_000, 1_000, 3_600_000);
  if (isIP(host) === 0 || !/^[a-z0-9_.-]{1,64}$/i.test(prefix)) {
    throw new MeshError(
      'invalid_argument',
      `statsd: host must be an IP literal and prefix plain, got ${JSON.stringify({ host, prefix })}`,
    );
  }
  const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4').unref();
  // A port that nobody listens on answers by ICMP: UDP promises nothing, so this is no failure.
  socket.on('error', () => {});
  const sent = new WeakMap<TrafficSeries, Sent>();
  let telemetry = wholeTelemetry;
  return {
    name: 'statsd',
    signal: 'metrics',
    start(source) {
      telemetry = source;
    },
    flushEveryMs,
    async flush(recorder) {
      const lines: string[] = [];
      for (const series of recorder.series()) {
        const { metrics } = sideOf(telemetry.current, series.labels);
        if (!metrics.reaches('statsd')) continue;
        for (const line of newLines(series, sent, metrics)) {
          const name = tags === 'none' ? dottedName(series) : '';
          const suffix = tags === 'none' ? '' : `|#${tagList(series, metrics.tags(line.metric))}`;
          lines.push(`${prefix}.${name}${line.text}${suffix}`);
        }
      }
      for (const datagram of datagrams(lines)) {
        await new Promise<void>((resolve, reject) => {
          socket.send(datagram, port, host, (error) => (error ? reject(error) : resolve()));
        });
      }
    },
    close: () => new Promise((resolve) => socket.close(resolve)),
  };
}

interface Line {
  readonly metric: StandardMetric;
  /** What stands between the name's beginning and the tags. */
  readonly text: string;
}

/** What came since the last time. What is switched off counts as sent, or it would all come at once later. */
function newLines(
  series: TrafficSeries,
  sent: WeakMap<TrafficSeries, Sent>,
  metrics: MetricsTelemetry,
): Line[] {
  const before = sent.get(series) ?? { count: 0, totalMs: 0 };
  const now = { count: series.durationMs.count, totalMs: series.durationMs.sum };
  const count = now.count - before.count;
  if (count === 0) return [];
  sent.set(series, now);
  const meanMs = Math.round(((now.totalMs - before.totalMs) / count) * 1_000) / 1_000;
  const rate = count === 1 ? '' : `|@${(1 / count).toPrecision(6)}`;
  const lines: readonly Line[] = [
    { metric: 'REQUEST_COUNT', text: `requests:${count}|c` },
    { metric: 'REQUEST_DURATION', text: `duration:${meanMs}|ms${rate}` },
  ];
  return lines.filter(({ metric }) => !metrics.isDisabled(metric));
}

function dottedName({ labels }: TrafficSeries): string {
  const peer = labels.direction === 'outbound' ? labels.destination : labels.source;
  const parts = [
    labels.direction,
    peer.service,
    peer.version,
    labels.method,
    String(labels.status),
  ];
  return `${parts.map((part) => plain(part).replaceAll('.', '_')).join('.')}.`;
}

function tagList({ labels }: TrafficSeries, overrides: readonly TagOverride[]): string {
  const { source, destination } = labels;
  const pairs = [
    ['direction', labels.direction],
    ['source', source.service],
    ['source_version', source.version],
    ['destination', destination.service],
    ['destination_version', destination.version],
    ['method', labels.method],
    ['route', labels.route],
    ['status', labels.status],
    ['flag', labels.flag],
  ] as const;
  return withTags(pairs, overrides, (value) => value.ofSeries(labels))
    .map(([name, value]) => `${name}:${plain(String(value))}`)
    .join(',');
}

/** The protocol has no escapes: what could end a name, a tag or a line becomes `_`. */
function plain(text: string): string {
  return text === '' ? 'unknown' : text.replace(/[^a-zA-Z0-9_./-]/g, '_');
}

function* datagrams(lines: readonly string[]): Generator<string> {
  let datagram = '';
  for (const line of lines) {
    if (datagram !== '' && datagram.length + 1 + line.length > maxDatagramBytes) {
      yield datagram;
      datagram = '';
    }
    datagram += datagram === '' ? line : `\n${line}`;
  }
  if (datagram !== '') yield datagram;
}
