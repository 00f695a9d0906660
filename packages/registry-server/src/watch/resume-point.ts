import type { RevisionCounter } from '../state/revision-counter.ts';

/**
 * The revision after which a stream goes on, from its `Last-Event-ID`. `undefined` when there is
 * none, it is of another run, or of the future (a restored snapshot, a forged header): then
 * everything is told anew.
 */
export function parseResumePoint(
  lastEventId: string | undefined,
  revisions: Pick<RevisionCounter, 'epoch' | 'current'>,
): number | undefined {
  if (lastEventId === undefined) return undefined;
  const colon = lastEventId.indexOf(':');
  const digits = lastEventId.slice(colon + 1);
  if (lastEventId.slice(0, colon) !== revisions.epoch || !/^\d{1,15}$/.test(digits))
    return undefined;
  const revision = Number(digits);
  return revision <= revisions.current ? revision : undefined;
}
