import type { JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Colour } from '../theme/palette.ts';
import { useColours } from '../theme/theme.ts';

export interface ChartLine {
  readonly label: string;
  readonly colour: Colour;
  /** As long as the chart's times; `null` is a gap. */
  readonly values: readonly (number | null)[];
  /** Dashed lines tell several of one colour apart. */
  readonly dash?: readonly number[];
  /** The area below it is tinted. */
  readonly filled?: boolean;
}

export interface ChartProps {
  readonly title: string;
  /** Seconds since the epoch, ascending. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
}

const height = 168;
/** Seconds between two times at the axis. */
const stepsOfTime = [10, 30, 60, 120, 300, 600, 900, 1_800, 3_600];
/** Charts side by side show the same moment under the mouse. */
const syncKey = 'inmesh';

/** Lines over time. What it shows now is said in words below it. */
export function Chart({ title, times, lines, format }: ChartProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const colours = useColours();
  const id = useId();
  const data = [times, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const look = JSON.stringify(
    lines.map(({ label, colour, dash, filled }) => [label, colour, dash, filled]),
  );

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const font = `11px ${getComputedStyle(element).fontFamily}`;
    const axis = {
      font,
      stroke: colours['text-faint'],
      grid: { stroke: colours.line, width: 1 },
      ticks: { show: false },
    };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height,
        padding: [8, 18, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: syncKey }, drag: { x: false, y: false }, points: { size: 6 } },
        scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.15 : 1] } },
        axes: [
          {
            ...axis,
            grid: { show: false },
            space: 48,
            incrs: [...stepsOfTime],
            size: 28,
            values: (_plot, splits) => splits.map(clockText),
          },
          { ...axis, size: 58, space: 34, values: (_plot, splits) => splits.map(format) },
        ],
        series: [
          {},
          ...lines.map(({ label, colour, dash, filled }) => ({
            label,
            stroke: colours[colour],
            width: 1.6,
            points: { show: false },
            ...(dash === undefined ? {} : { dash: [...dash] }),
            ...(filled ? { fill: `${colours[colour]}22` } : {}),
          })),
        ],
      },
      data,
      element,
    );
    plot.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [colours, look]);
  useEffect(() => plot.current?.setData(data), [times, lines]);

  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption id={id}>{title}</figcaption>
      <div ref={frame} class="chart-frame" aria-hidden="true" />
      <ul class="share-legend">
        {lines.map((line) => (
          <li key={line.label}>
            <i
              class={line.dash === undefined ? '' : 'dashed'}
              style={{ background: `var(--${line.colour})` }}
              aria-hidden="true"
            />
            {line.label} <b>{lastValue(line, format)}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function lastValue({ values }: ChartLine, format: (value: number) => string): string {
  const last = values.findLast((value) => value !== null);
  return last === undefined || last === null ? '–' : format(last);
}

function clockText(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
  });
}
