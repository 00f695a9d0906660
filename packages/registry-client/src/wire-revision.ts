import type { WireRevision } from '@inmesh/core';

/**
 * Whether `revision` is of the same run of the server as `than` and before it. Over two runs, and
 * where a revision is not `epoch:number`, there is no order and the answer is no.
 */
export function isOlder(revision: WireRevision, than: WireRevision): boolean {
  const colon = revision.lastIndexOf(':');
  if (colon < 0 || revision.slice(0, colon + 1) !== than.slice(0, than.lastIndexOf(':') + 1)) {
    return false;
  }
  return Number(revision.slice(colon + 1)) < Number(than.slice(colon + 1));
}
