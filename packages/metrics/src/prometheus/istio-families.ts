import { bucketBounds, Histogram } from '../histogram.ts';
import type { RecorderReader } from '../recorder.ts';
import type { TrafficSeries } from '../series.ts';
import type { GroupsByMetric } from './series-groups.ts';
import {
  formatExemplar,
  formatHead,
  formatNumber,
  formatSample,
  type LabelText,
  type TextFormat,
} from './text-format.ts';

const les: readonly string[] = [...bucketBounds.map(String), '+Inf'];

const histograms = [
  [
    'REQUEST_DURATION',
    'istio_request_duration_milliseconds',
    'Duration of finished requests, to the end of the body.',
    (series: TrafficSeries) => series.durationMs,
  ],
  [
    'REQUEST_SIZE',
    'istio_request_bytes',
    'Bytes of request bodies.',
    (series: TrafficSeries) => series.requestBytes,
  ],
  [
    'RESPONSE_SIZE',
    'istio_response_bytes',
    'Bytes of response bodies.',
    (series: TrafficSeries) => series.responseBytes,
  ],
] as const;

/**
 * Istio's standard metrics, piece by piece: a piece is one line or one histogram, so whoever reads
 * may stop between any two. A histogram is always read in one go and so agrees with itself.
 */
export function* istioFamilies(
  recorder: RecorderReader,
  format: TextFormat,
  groups: GroupsByMetric,
): Generator<string> {
  const counted = yield* groups.of('REQUEST_COUNT');
  if (counted.length > 0) {
    yield formatHead(format, 'istio_requests_total', 'counter', 'Requests that ended.');
  }
  for (const { labels, members } of counted) {
    let count = 0;
    for (const series of members) count += series.durationMs.count;
    yield formatSample('istio_requests_total', labels, count);
  }
  const wallOffset = recorder.clock.wallNow() - recorder.clock.now();
  const sum = new Histogram();
  for (const [metric, name, help, pick] of histograms) {
    const shown = yield* groups.of(metric);
    if (shown.length > 0) yield formatHead(format, name, 'histogram', help);
    const exemplars = format === 'openmetrics' && name.endsWith('_milliseconds');
    for (const { labels, members } of shown) {
      sum.clear();
      for (const series of members) sum.add(pick(series));
      const exemplarAt = (bucket: number): string =>
        exemplars ? newestExemplar(members, bucket, wallOffset) : '';
      yield formatHistogram(name, labels, sum, exemplarAt);
    }
  }
}

function formatHistogram(
  name: string,
  labels: LabelText,
  histogram: Histogram,
  exemplarAt: (bucket: number) => string,
): string {
  const start = `${name}_bucket{${labels},le="`;
  let text = '';
  let cumulative = 0;
  for (let bucket = 0; bucket < les.length; bucket += 1) {
    cumulative += histogram.countAt(bucket);
    text += `${start}${les[bucket]}"} ${cumulative}${exemplarAt(bucket)}\n`;
  }
  return `${text}${name}_sum{${labels}} ${formatNumber(histogram.sum)}\n${name}_count{${labels}} ${cumulative}\n`;
}

function newestExemplar(
  members: readonly TrafficSeries[],
  bucket: number,
  wallOffset: number,
): string {
  let newest: ReturnType<TrafficSeries['exemplar']>;
  for (const series of members) {
    const exemplar = series.exemplar(bucket);
    if (exemplar !== undefined && exemplar.at >= (newest?.at ?? 0)) newest = exemplar;
  }
  return newest === undefined ? '' : formatExemplar(newest, newest.at + wallOffset);
}
