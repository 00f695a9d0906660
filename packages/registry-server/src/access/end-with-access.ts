import type { ServerResponse } from 'node:http';
import type { Clock } from '@inmesh/core';
import type { FastifyRequest } from 'fastify';

/** How soon a stream ends after what opened it. */
const checkMs = 1_000;

/**
 * A request is let in once, and its stream may go on for days. This ends one when its reader would not
 * be let in any more: the token was revoked or has expired, the browser's session is over.
 */
export function endWithAccess(
  request: FastifyRequest,
  stream: ServerResponse,
  clock: Clock,
): ServerResponse {
  const check = (): void => {
    if (request.isStillAdmitted()) timer = clock.setTimer(check, checkMs);
    else stream.destroy();
  };
  let timer = clock.setTimer(check, checkMs);
  stream.once('close', () => timer.cancel());
  return stream;
}
