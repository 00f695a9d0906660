import { bucketBounds, Histogram } from '../histogram.ts';
import type { RecorderReader } from '../recorder.ts';
import type { TrafficSeries } from '../series.ts';
import {
  formatExemplar,
  formatHead,
  formatNumber,
  formatSample,
  type LabelText,
  type TextFormat,
} from './text-format.ts';

/** Series that Istio's labels do not tell apart (another method or route): one group is one line. */
interface SeriesGroup {
  readonly labels: LabelText;
  readonly members: TrafficSeries[];
}

const les: readonly string[] = [...bucketBounds.map(String), '+Inf'];

const histograms = [
  [
    'istio_request_duration_milliseconds',
    'Duration of finished requests, to the end of the body.',
    (series: TrafficSeries) => series.durationMs,
  ],
  [
    'istio_request_bytes',
    'Bytes of request bodies.',
    (series: TrafficSeries) => series.requestBytes,
  ],
  [
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
  labelsOf: (series: TrafficSeries) => LabelText,
): Generator<string> {
  const groups = new Map<LabelText, SeriesGroup>();
  for (const series of recorder.series()) {
    const labels = labelsOf(series);
    const group = groups.get(labels);
    if (group === undefined) groups.set(labels, { labels, members: [series] });
    else group.members.push(series);
    yield '';
  }
  yield formatHead(format, 'istio_requests_total', 'counter', 'Requests that ended.');
  for (const { labels, members } of groups.values()) {
    let count = 0;
    for (const series of members) count += series.durationMs.count;
    yield formatSample('istio_requests_total', labels, count);
  }
  const wallOffset = recorder.clock.wallNow() - recorder.clock.now();
  const sum = new Histogram();
  for (const [name, help, pick] of histograms) {
    yield formatHead(format, name, 'histogram', help);
    const exemplars = format === 'openmetrics' && name.endsWith('_milliseconds');
    for (const { labels, members } of groups.values()) {
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
