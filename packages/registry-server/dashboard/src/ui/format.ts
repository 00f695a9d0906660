/** A rate with as many digits as are worth reading: `0.25`, `4.2`, `87`, `1.2k`. */
export function formatRate(perSecond: number): string {
  if (perSecond >= 10_000) return `${Math.round(perSecond / 1_000)}k`;
  if (perSecond >= 1_000) return `${(perSecond / 1_000).toFixed(1)}k`;
  if (perSecond >= 10) return String(Math.round(perSecond));
  if (perSecond >= 1) return perSecond.toFixed(1);
  return perSecond === 0 ? '0' : perSecond < 0.01 ? '<0.01' : perSecond.toFixed(2);
}

/** A share of 0..1 as per cent; what is not nothing is never shown as 0. */
export function formatRatio(ratio: number): string {
  const percent = ratio * 100;
  if (percent === 0 || percent >= 99.95) return `${Math.round(percent)} %`;
  if (percent < 0.1) return '<0.1 %';
  return percent < 10 ? `${Number(percent.toFixed(1))} %` : `${Math.round(percent)} %`;
}

/** Milliseconds of latency: `0.8 ms`, `42 ms`, `1.3 s`; without calls there is none. */
export function formatLatency(ms: number | null): string {
  if (ms === null) return '–';
  if (ms >= 1_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${Number(ms.toFixed(1))} ms`;
}

const units: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** An age or a time left, in its largest unit: `3 d`, `17 min`, `4 s`. */
export function formatDuration(ms: number): string {
  const [name, size] = units.find(([, unit]) => Math.abs(ms) >= unit) ?? ['s', 1_000];
  return `${Math.floor(ms / size)} ${name}`;
}

/** `1 service`, `4 services`. */
export function count(n: number, word: string, plural: string = `${word}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? word : plural}`;
}

/** The name of a service without its namespace, and the namespace. */
export function splitService(service: string): {
  readonly name: string;
  readonly namespace: string;
} {
  const at = service.lastIndexOf('.');
  return at < 0
    ? { name: service, namespace: '' }
    : { name: service.slice(0, at), namespace: service.slice(at + 1) };
}
