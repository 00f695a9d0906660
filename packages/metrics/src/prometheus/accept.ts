import type { TextFormat } from './text-format.ts';

/** Longer `Accept` headers than any scraper sends are not read. */
const maxAcceptLength = 1_024;

/** The format that an `Accept` header prefers; Prometheus' own where it says nothing, or nothing that we have. */
export function negotiateFormat(accept: string | undefined): TextFormat {
  if (accept === undefined || accept.length > maxAcceptLength) return 'prometheus';
  let openMetrics = 0;
  let plain = 0;
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const quality = qualityOf(parameters);
    if (type === 'application/openmetrics-text' && isVersionOne(parameters)) {
      openMetrics = Math.max(openMetrics, quality);
    } else if (type === 'text/plain' || type === 'text/*' || type === '*/*') {
      plain = Math.max(plain, quality);
    }
  }
  return openMetrics > plain ? 'openmetrics' : 'prometheus';
}

function isVersionOne(parameters: readonly string[]): boolean {
  const version = parameters.find((parameter) => parameter.startsWith('version='));
  return version === undefined || version === 'version=1.0.0';
}

function qualityOf(parameters: readonly string[]): number {
  const text = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = text === undefined ? 1 : Number(text.slice(2));
  return quality >= 0 && quality <= 1 ? quality : 0;
}
