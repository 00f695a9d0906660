import type { ServiceName } from '@inmesh/core';
import { isMeshError, MeshError } from '@inmesh/core';

/** What a call fails with whose caller went away; a `MeshError` as the reason says it itself. */
export function callAborted(service: ServiceName, reason: unknown): MeshError {
  if (isMeshError(reason)) return reason;
  return new MeshError('aborted', `${service}: the caller went away`, { cause: reason, service });
}
