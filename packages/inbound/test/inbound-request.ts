import type { InboundRequest } from '@inmesh/inbound';

/** A request as the pipeline sees one, without a server. */
export function inboundRequest(
  url = '/',
  headers: Record<string, string> = {},
  method = 'GET',
): InboundRequest {
  const socket = {} as InboundRequest['socket'];
  return { method, url, headers, rawHeaders: Object.entries(headers).flat(), socket };
}
