import type { InboundRequest } from '@inmesh/inbound';

/**
 * Takes a header, by its lower-case name, out of the request that the handler will see, in every
 * form in which Node shows headers.
 */
export function removeHeader(request: InboundRequest, name: string): void {
  const raw = request.rawHeaders as string[];
  for (let i = raw.length - 2; i >= 0; i -= 2) {
    if (raw[i]?.toLowerCase() === name) raw.splice(i, 2);
  }
  delete request.headers[name];
}

/** Sets a header, by its lower-case name, in place of what the caller sent. */
export function setHeader(request: InboundRequest, name: string, value: string): void {
  removeHeader(request, name);
  (request.rawHeaders as string[]).push(name, value);
  request.headers[name] = value;
}
