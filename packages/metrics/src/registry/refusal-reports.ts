import type { RefusalReport } from '@inmesh/core';
import { labelText } from '../label-text.ts';

/** So many go along with a report; when more came in between, the newest are told. */
const maxRefusals = 20;

/** Those of `refusals` (newest first) that are younger than `withinMs`, oldest first, in safe text. */
export function refusalReports(
  refusals: readonly RefusalReport[],
  withinMs: number,
): RefusalReport[] {
  const end = refusals.findIndex(({ agoMs }) => agoMs >= withinMs);
  return refusals
    .slice(0, end < 0 ? maxRefusals : Math.min(end, maxRefusals))
    .reverse()
    .map(({ agoMs, kind, status, code, ...texts }) => ({
      agoMs,
      kind,
      peer: labelText(texts.peer),
      method: labelText(texts.method).slice(0, 32),
      route: labelText(texts.route),
      status,
      code,
      reason: labelText(texts.reason),
      rule: labelText(texts.rule),
    }));
}
