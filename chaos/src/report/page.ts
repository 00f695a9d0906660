import { type Figure, lengthOf, type Scenario } from '../scenarios/scenario.ts';
import type { Recorder } from '../simulation/recorder.ts';
import { boundText, numberText, valueText, verdictText } from './figure-text.ts';
import { type Summary, summarize } from './summary.ts';
import { type Panel, svgPlot } from './svg-plot.ts';

/** A scenario that was played: what its page is made of. */
export interface Played {
  readonly scenario: Scenario;
  /** In the order of the variants. */
  readonly records: ReadonlyMap<string, Recorder>;
  readonly figures: readonly Figure[];
}

/** Steps of the table over time, in seconds. */
const step = 5;

const columns =
  'offered/s | goodput/s | errors | attempts/s | attempts per call | p50 ms | p99 ms | p99.9 ms |\n';
const rule = '---:|---:|---:|---:|---:|---:|---:|---:|\n';

export function renderPage({ scenario, records, figures }: Played): string {
  const { name, title, story, phases } = scenario;
  const byPhase = [...records].map(([variant, record]) =>
    phases
      .map(
        (phase) =>
          `| ${variant} | ${phase.name} (${phase.from}–${phase.to} s) | ${row(summarize(record, phase.from, phase.to))}`,
      )
      .join('\n'),
  );
  return `# ${title}

${story}

![${title}](${name}.svg)

## Figures

${figureTable(figures)}

## By phase

Errors are of the calls that ended, latencies of those that ended well. Attempts are those sent to the service in trouble.

| policies | phase | ${columns}|---|---|${rule}${byPhase.join('\n')}

## Over time

${[...records].map(([variant, record]) => overTime(variant, record, lengthOf(scenario))).join('\n\n')}

---
Written by \`npm run chaos\`; see [what the laboratory is](../../chaos/README.md).
`;
}

export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const verdict = verdictText(figure);
    const shown = verdict === 'MISSED' ? `**${verdict}**` : verdict;
    return `| ${figure.name} | ${valueText(figure)} | ${boundText(figure)} | ${shown} |`;
  });
  return `| figure | value | bound | |\n|---|---:|---:|---|\n${rows.join('\n')}`;
}

function overTime(variant: string, record: Recorder, seconds: number): string {
  const rows: string[] = [];
  for (let from = 0; from < seconds; from += step) {
    const to = Math.min(seconds, from + step);
    rows.push(`| ${from}–${to} | ${row(summarize(record, from, to))}`);
  }
  return `<details><summary>${variant}</summary>

| s | ${columns}|---|${rule}${rows.join('\n')}

</details>`;
}

function row(summary: Summary): string {
  const { offered, goodput, errorRatio, load, amplification, p50, p99, p999 } = summary;
  const cells = [
    numberText(Math.round(offered)),
    numberText(Math.round(goodput)),
    `${(100 * errorRatio).toFixed(2)} %`,
    numberText(Math.round(load)),
    amplification.toFixed(2),
    ...[p50, p99, p999].map((ms) => (ms === undefined ? '–' : ms.toFixed(1))),
  ];
  return `${cells.join(' | ')} |`;
}

export function renderPlot({ scenario, records }: Played): string {
  const panel = (
    title: string,
    scale: Panel['scale'],
    value: (second: Summary) => number | undefined,
  ): Panel => ({
    title,
    scale,
    series: [...records].map(([name, record]) => ({
      name,
      values: record.seconds.map((_, second) => value(summarize(record, second, second + 1))),
    })),
  });
  return svgPlot({
    title: scenario.title,
    xTitle: 'seconds',
    marks: scenario.phases.map(({ from }) => from).slice(1),
    panels: [
      panel('goodput, calls/s', 'linear', ({ goodput }) => goodput),
      panel('errors, %', 'linear', ({ errorRatio }) => 100 * errorRatio),
      panel('attempts/s on the service in trouble', 'linear', ({ load }) => load),
      panel('p99 of calls that ended well, ms', 'logarithmic', ({ p99 }) => p99),
    ],
  });
}
