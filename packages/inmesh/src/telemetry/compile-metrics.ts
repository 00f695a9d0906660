import { type CelSource, type Metrics, parseCel, type TagOverride } from '@inmesh/config';
import type { Workload } from '@inmesh/core';
import {
  type TagOverride as CompiledTag,
  labelText,
  type MetricsTelemetry,
  type SeriesTag,
  type StandardMetric,
  type TagValue,
} from '@inmesh/metrics';
import { labelsSource, tagSource } from './cel-sources.ts';
import { reachOf } from './reach.ts';
import { isFor, type Side } from './telemetry-levels.ts';

const standardMetrics = [
  'REQUEST_COUNT',
  'REQUEST_DURATION',
  'REQUEST_SIZE',
  'RESPONSE_SIZE',
] as const satisfies readonly StandardMetric[];

/** As Prometheus knows them, which is how `customMetric` may name them too. */
const prometheusNames: Readonly<Record<string, StandardMetric>> = {
  istio_requests_total: 'REQUEST_COUNT',
  istio_request_duration_milliseconds: 'REQUEST_DURATION',
  istio_request_bytes: 'REQUEST_SIZE',
  istio_response_bytes: 'RESPONSE_SIZE',
};

interface Compiled {
  readonly disabled: boolean;
  readonly tags: readonly CompiledTag[];
}

/** What the metrics sections say to one side, the last word first where they say the same thing twice. */
export function compileMetrics(
  sections: readonly Metrics[],
  side: Side,
  workload: Workload,
  domain: string,
): MetricsTelemetry {
  /** By their expressions, which are their names. */
  const seriesTags = new Map<string, SeriesTag>();
  const compileTag = (name: string, override: TagOverride): CompiledTag => {
    if (override.operation === 'REMOVE') return { name };
    const { value, seriesTag } = compileValue(override.value ?? '', workload, domain);
    if (seriesTag !== undefined) seriesTags.set(seriesTag.name, seriesTag);
    return { name, value };
  };
  /** Equal changes are one array, so that labels are rendered once for all metrics that share them. */
  const shared = new Map<string, readonly CompiledTag[]>();
  const compiled = new Map<StandardMetric, Compiled>(
    standardMetrics.map((metric) => [
      metric,
      compileMetric(sections, side, metric, { shared, compileTag }),
    ]),
  );
  return {
    reaches: reachOf(sections),
    isDisabled: (metric) => compiled.get(metric)?.disabled ?? false,
    tags: (metric) => compiled.get(metric)?.tags ?? [],
    seriesTags: [...seriesTags.values()],
  };
}

function compileMetric(
  sections: readonly Metrics[],
  side: Side,
  metric: StandardMetric,
  {
    shared,
    compileTag,
  }: {
    readonly shared: Map<string, readonly CompiledTag[]>;
    readonly compileTag: (name: string, override: TagOverride) => CompiledTag;
  },
): Compiled {
  let disabled = false;
  const overrides = new Map<string, TagOverride>();
  for (const { match, disabled: said, tagOverrides } of sections.flatMap(
    ({ overrides = [] }) => overrides,
  )) {
    const named =
      match?.customMetric === undefined ? match?.metric : prometheusNames[match.customMetric];
    const isAll = match?.customMetric === undefined && (named ?? 'ALL_METRICS') === 'ALL_METRICS';
    if (!isFor(side, match) || !(isAll || named === metric)) continue;
    disabled = said ?? disabled;
    for (const [name, override] of Object.entries(tagOverrides ?? {})) {
      overrides.set(name, override);
    }
  }
  const key = JSON.stringify([...overrides]);
  let tags = shared.get(key);
  if (tags === undefined) {
    tags = [...overrides].map(([name, override]) => compileTag(name, override));
    shared.set(key, tags);
  }
  return { disabled, tags };
}

/** What an expression gives, and what series have to be told apart by for it. */
function compileValue(
  text: string,
  workload: Workload,
  domain: string,
): { readonly value: TagValue; readonly seriesTag: SeriesTag | undefined } {
  const parsed = parseCel(text);
  // Validation has refused what cannot be understood; a resource that nobody validated gets no label.
  const expression = 'expression' in parsed ? parsed.expression : undefined;
  const read = (source: CelSource): string => labelText(String(expression?.evaluate(source) ?? ''));
  const ofEnded: SeriesTag['of'] & TagValue['ofEnded'] = (ended) =>
    read(tagSource(ended, workload, domain));
  if ((expression?.requestAttributes.length ?? 0) === 0) {
    const ofSeries: TagValue['ofSeries'] = (labels) => read(labelsSource(labels));
    return { value: { ofSeries, ofEnded }, seriesTag: undefined };
  }
  const ofSeries: TagValue['ofSeries'] = ({ tags }) => tags[text] ?? '';
  return { value: { ofSeries, ofEnded }, seriesTag: { name: text, of: ofEnded } };
}
