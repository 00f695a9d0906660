import { type Refusal, refuse } from '@inmesh/inbound';
import type { TokenFailure } from './token-failure.ts';

/** The answer to a request whose token is not accepted. */
export function refuseToken({ kind, reason }: TokenFailure): Refusal {
  const detail = `the token is not accepted: ${reason}`;
  if (kind === 'audience') return refuse(403, 'forbidden', detail);
  if (kind === 'keys-unavailable') {
    return refuse(503, 'connect_failed', detail, { headers: ['retry-after', '1'] });
  }
  // Reasons are our own words without quotes, so that they fit into the header as they are.
  const challenge = `Bearer error="invalid_token", error_description="${reason}"`;
  return refuse(401, 'unauthenticated', detail, { headers: ['www-authenticate', challenge] });
}
