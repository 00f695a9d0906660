import type { RecorderReader } from '../recorder.ts';
import type { TrafficSeries } from '../series.ts';
import {
  type StandardMetric,
  sideOf,
  type TagOverride,
  type TelemetryPolicy,
} from '../telemetry/telemetry-policy.ts';
import type { LabelText } from './text-format.ts';

/** Series that the labels of a metric do not tell apart (another method or route): one group is one line. */
interface SeriesGroup {
  readonly labels: LabelText;
  readonly members: TrafficSeries[];
}

/** Renders one series' labels with the changes made that a resource asks for. */
export type RenderLabels = (series: TrafficSeries, tags: readonly TagOverride[]) => LabelText;

/** Labels are rendered once for each series and set of changes; a set that nobody has any more takes its texts along. */
export function cachedLabels(render: RenderLabels): RenderLabels {
  const byTags = new WeakMap<readonly TagOverride[], WeakMap<TrafficSeries, LabelText>>();
  return (series, tags) => {
    let rendered = byTags.get(tags);
    if (rendered === undefined) {
      rendered = new WeakMap();
      byTags.set(tags, rendered);
    }
    let labels = rendered.get(series);
    if (labels === undefined) {
      labels = render(series, tags);
      rendered.set(series, labels);
    }
    return labels;
  };
}

/** The groups of one metric. Metrics with the same labels share them. */
export interface GroupsByMetric {
  of(metric: StandardMetric): Generator<'', readonly SeriesGroup[]>;
}

/** Which series each metric shows to `adapter`, and under which labels. Generators yield between series. */
export function groupsByMetric(
  recorder: RecorderReader,
  policy: TelemetryPolicy,
  adapter: string,
  labelsOf: RenderLabels,
): GroupsByMetric {
  const known: { readonly key: readonly unknown[]; readonly groups: readonly SeriesGroup[] }[] = [];
  const keyOf = (metric: StandardMetric): readonly unknown[] =>
    [policy.client.metrics, policy.server.metrics].flatMap((side) => [
      side.tags(metric),
      side.isDisabled(metric),
    ]);
  return {
    *of(metric) {
      const key = keyOf(metric);
      const same = known.find((other) => key.every((part, index) => part === other.key[index]));
      if (same !== undefined) return same.groups;
      const groups = new Map<LabelText, SeriesGroup>();
      for (const series of recorder.series()) {
        const { metrics } = sideOf(policy, series.labels);
        if (metrics.isDisabled(metric) || !metrics.reaches(adapter)) continue;
        const labels = labelsOf(series, metrics.tags(metric));
        const group = groups.get(labels);
        if (group === undefined) groups.set(labels, { labels, members: [series] });
        else group.members.push(series);
        yield '';
      }
      const all = [...groups.values()];
      known.push({ key, groups: all });
      return all;
    },
  };
}
