import type { Workload } from '@inmesh/core';
import type { RecorderReader } from '../recorder.ts';
import { type TelemetrySource, wholeTelemetry } from '../telemetry/telemetry-policy.ts';
import { negotiateFormat } from './accept.ts';
import { inmeshFamilies } from './inmesh-families.ts';
import { istioFamilies } from './istio-families.ts';
import { type IstioScope, istioLabels } from './istio-labels.ts';
import { cachedLabels, groupsByMetric } from './series-groups.ts';
import { inSlices } from './slices.ts';
import {
  contentTypes,
  formatHead,
  formatLabels,
  formatSample,
  type TextFormat,
} from './text-format.ts';

export interface PrometheusOptions extends IstioScope {
  /** What `istio_build` shows as the tag of this workload's mesh. @default 'unknown' */
  readonly buildTag?: string;
  /** What `Telemetry` resources say. @default everything */
  readonly telemetry?: TelemetrySource;
  /** As `Telemetry` resources name it. @default 'prometheus' */
  readonly name?: string;
}

/** One scrape's answer. */
export interface Exposition {
  /** For the `Content-Type` header. */
  readonly contentType: string;
  /**
   * UTF-8, about 64 KB at a time, made as it is read: `Readable.from(exposition.chunks())`. The
   * event loop turns between chunks, and each is about 2 ms of work.
   */
  chunks(): AsyncGenerator<Buffer, void, undefined>;
  /** All of it. Prefer `chunks()` for an answer: it never has the whole in memory. */
  text(): Promise<string>;
}

export interface PrometheusText extends Exposition {
  /** The same numbers in the format that an `Accept` header prefers (OpenMetrics has exemplars). */
  negotiate(accept: string | undefined): Exposition;
}

/**
 * The recorder's numbers as Prometheus reads them: Istio's standard metrics, so that its dashboards
 * and Kiali find what they look for, and Inmesh's own under `inmesh_`. Make one and keep it: labels
 * are rendered once per series.
 */
export function prometheusText(
  recorder: RecorderReader,
  workload: Workload = recorder.workload,
  options: PrometheusOptions = {},
): PrometheusText {
  const { telemetry = wholeTelemetry, name = 'prometheus' } = options;
  const labelsOf = cachedLabels((series, tags) => istioLabels(series, options, tags));
  function* pieces(format: TextFormat): Generator<string> {
    const groups = groupsByMetric(recorder, telemetry.current, name, labelsOf);
    yield* istioFamilies(recorder, format, groups);
    yield* buildFamily(format, workload, options.buildTag ?? 'unknown');
    yield* inmeshFamilies(recorder, format, options);
    if (format === 'openmetrics') yield '# EOF\n';
  }
  const exposition = (format: TextFormat): Exposition => ({
    contentType: contentTypes[format],
    chunks: () => inSlices(pieces(format)),
    async text() {
      const chunks: Buffer[] = [];
      for await (const chunk of inSlices(pieces(format))) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    },
  });
  return {
    ...exposition('prometheus'),
    negotiate: (accept) => exposition(negotiateFormat(accept)),
  };
}

/** Istio's mesh dashboard lists components by it; `component` says what kind, as `proxy` does for a sidecar. */
function* buildFamily(format: TextFormat, workload: Workload, tag: string): Generator<string> {
  yield formatHead(format, 'istio_build', 'gauge', 'Always 1; the labels are what counts.');
  const labels = formatLabels([
    ['component', 'inmesh'],
    ['tag', tag],
    ['app', workload.name],
  ]);
  yield formatSample('istio_build', labels, 1);
}
