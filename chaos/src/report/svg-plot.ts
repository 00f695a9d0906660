/** One line of a panel: a value per x, `undefined` where there is none. */
interface Series {
  readonly name: string;
  readonly values: readonly (number | undefined)[];
}

export interface Panel {
  readonly title: string;
  readonly scale: 'linear' | 'logarithmic';
  readonly series: readonly Series[];
}

export interface PlotOptions {
  readonly title: string;
  /** Of the common x axis, which counts from 0. */
  readonly xTitle: string;
  /** Where something changed. */
  readonly marks: readonly number[];
  readonly panels: readonly Panel[];
}

const width = 860;
const left = 64;
const right = 16;
const panelHeight = 130;
const panelGap = 44;
const legendRow = 20;

/**
 * Colours that people with any colour vision tell apart, on light and on dark; dashes besides, for
 * print. A plot seen as an image follows the viewer's scheme.
 */
const light = ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#6e7781'];
const dark = ['#58a6ff', '#ff9b50', '#56d364', '#d2a8ff', '#9ea7b3'];
const dashes = ['', '7 3', '2 3', '9 3 2 3', '4 4'];

/** Panels one above the other over one x axis, as text that is the same for the same numbers. */
export function svgPlot({ title, xTitle, marks, panels }: PlotOptions): string {
  const names = panels[0]?.series.map(({ name }) => name) ?? [];
  const top = 34 + legendRow * Math.ceil(names.length / 2) + 22;
  const height = top + panels.length * (panelHeight + panelGap);
  const count = Math.max(...panels.flatMap(({ series }) => series.map((s) => s.values.length)));
  const x = (at: number): number => left + (at / count) * (width - left - right);
  const body = panels.map((panel, index) =>
    drawPanel(panel, { x, count, marks, y: top + index * (panelHeight + panelGap) }),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(title)}">
<style>${style()}</style>
<text class="title" x="${left}" y="20">${escapeText(title)}</text>
${legend(names)}
${body.join('\n')}
<text class="tick" x="${width - right}" y="${height - 8}" text-anchor="end">${escapeText(xTitle)}</text>
</svg>
`;
}

function style(): string {
  const colours = (palette: readonly string[]): string =>
    palette.map((colour, i) => `.s${i}{stroke:${colour}}`).join('');
  const dashed = dashes.map((dash, i) => (dash === '' ? '' : `.s${i}{stroke-dasharray:${dash}}`));
  return `text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:600}.tick{font-size:11px;fill:#59636e}.line{fill:none;stroke-width:1.8;stroke-linejoin:round}.grid{stroke:#d1d9e0}.mark{stroke:#818b98;stroke-dasharray:3 3}${colours(light)}${dashed.join('')}@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.tick{fill:#9198a1}.grid{stroke:#3d444d}.mark{stroke:#656c76}${colours(dark)}}`;
}

function legend(names: readonly string[]): string {
  return names
    .map((name, i) => {
      const x = left + (i % 2) * ((width - left - right) / 2);
      const y = 40 + legendRow * Math.floor(i / 2);
      return `<line class="line s${i}" x1="${x}" x2="${x + 28}" y1="${y}" y2="${y}"/><text x="${x + 36}" y="${y + 4}">${escapeText(name)}</text>`;
    })
    .join('');
}

interface Frame {
  readonly x: (at: number) => number;
  readonly count: number;
  readonly marks: readonly number[];
  /** The panel's upper edge. */
  readonly y: number;
}

function drawPanel({ title, scale, series }: Panel, { x, count, marks, y: top }: Frame): string {
  const values = series.flatMap((one) => one.values.filter((value) => value !== undefined));
  const ticks = scale === 'linear' ? linearTicks(values) : logarithmicTicks(values);
  const position = scale === 'linear' ? (value: number) => value : Math.log10;
  const low = position(ticks[0] as number);
  const high = position(ticks[ticks.length - 1] as number);
  const y = (value: number): number =>
    top + panelHeight * (1 - (position(Math.max(value, ticks[0] as number)) - low) / (high - low));
  const lines = ticks.map(
    (tick) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(y(tick))}" y2="${at(y(tick))}"/><text class="tick" x="${left - 6}" y="${at(y(tick) + 4)}" text-anchor="end">${tick.toLocaleString('en')}</text>`,
  );
  for (let second = 0; second <= count; second += 10) {
    lines.push(
      `<text class="tick" x="${at(x(second))}" y="${top + panelHeight + 15}" text-anchor="middle">${second}</text>`,
    );
  }
  for (const mark of marks) {
    lines.push(
      `<line class="mark" x1="${at(x(mark))}" x2="${at(x(mark))}" y1="${top}" y2="${top + panelHeight}"/>`,
    );
  }
  const paths = series.map((one, i) => `<path class="line s${i}" d="${path(one.values, x, y)}"/>`);
  return `<text x="${left}" y="${top - 8}">${escapeText(title)}</text>${lines.join('')}${paths.join('')}`;
}

/** A value stands for its whole second and is drawn in the middle of it; a gap breaks the line. */
function path(
  values: readonly (number | undefined)[],
  x: (at: number) => number,
  y: (value: number) => number,
): string {
  let drawing = false;
  let text = '';
  for (const [second, value] of values.entries()) {
    if (value !== undefined) text += `${drawing ? 'L' : 'M'}${at(x(second + 0.5))} ${at(y(value))}`;
    drawing = value !== undefined;
  }
  return text;
}

/** From 0, in at most five steps of 1, 2 or 5 times a power of ten. */
function linearTicks(values: readonly number[]): number[] {
  const most = Math.max(1, ...values);
  const power = 10 ** Math.floor(Math.log10(most / 5));
  const step = ([1, 2, 5, 10].find((factor) => factor * power * 5 >= most) ?? 10) * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) =>
    Number((i * step).toFixed(6)),
  );
}

function logarithmicTicks(values: readonly number[]): number[] {
  const from = Math.floor(Math.log10(Math.max(1, Math.min(10, ...values))));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(10, ...values))));
  return Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
}

function at(value: number): string {
  return value.toFixed(1);
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
