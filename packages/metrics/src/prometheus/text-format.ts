import type { Exemplar } from '../series.ts';

/** Prometheus' text format 0.0.4, or OpenMetrics 1.0. */
export type TextFormat = 'prometheus' | 'openmetrics';

export const contentTypes: Readonly<Record<TextFormat, string>> = Object.freeze({
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
});

/** `name="value"` pairs, comma-separated; '' for none. */
export type LabelText = string;

/** An empty value reads as "label missing" in Prometheus, and Kiali skips such series: it becomes `unknown`. */
export function formatLabels(
  pairs: Iterable<readonly [name: string, value: string | number]>,
): LabelText {
  let text = '';
  for (const [name, value] of pairs) {
    const shown = value === '' ? 'unknown' : escapeLabelValue(String(value));
    text += text === '' ? `${name}="${shown}"` : `,${name}="${shown}"`;
  }
  return text;
}

/** The three escapes that the format knows. Other control characters never get here: see `labelText`. */
function escapeLabelValue(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
    : value;
}

export function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

export function formatSample(name: string, labels: LabelText, value: number): string {
  return labels === ''
    ? `${name} ${formatNumber(value)}\n`
    : `${name}{${labels}} ${formatNumber(value)}\n`;
}

/** ` # {trace_id="…"} value seconds`, after a bucket of OpenMetrics. */
export function formatExemplar(exemplar: Exemplar, wallMs: number): string {
  const trace = formatLabels([['trace_id', exemplar.traceId]]);
  return ` # {${trace}} ${formatNumber(exemplar.value)} ${(wallMs / 1_000).toFixed(3)}`;
}

/** The lines that begin a metric family. OpenMetrics names a counter without its `_total`. */
export function formatHead(
  format: TextFormat,
  name: string,
  type: 'counter' | 'gauge' | 'histogram',
  help: string,
): string {
  const family =
    format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
  const line = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '');
  const text = format === 'openmetrics' ? line.replaceAll('"', '\\"') : line;
  return `# HELP ${family} ${text}\n# TYPE ${family} ${type}\n`;
}
