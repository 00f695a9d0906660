import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { resetSocket } from './reset-socket.ts';

/** What an upstream does wrong with a request. */
export type UpstreamFault =
  /** Answers rightly, `delayMs` late. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Answers with `status` and an empty body. */
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Record<string, string> }
  /** Sends the head, then `body` one byte each `intervalMs`. */
  | { readonly kind: 'drip'; readonly intervalMs: number; readonly body: string }
  /** Promises all of `body`, sends its first `afterBytes` bytes, and cuts the connection. */
  | { readonly kind: 'cut'; readonly afterBytes: number; readonly body: string }
  /** Cuts the connection (RST) instead of answering. */
  | { readonly kind: 'reset' }
  /** Never answers. */
  | { readonly kind: 'silent' }
  /** Answers rightly and then closes the connection without having said so. */
  | { readonly kind: 'close-idle' };

/** Plays `fault` on one request. Timers are kept in `timers` for as long as they run. */
export function playFault(
  fault: UpstreamFault,
  request: IncomingMessage,
  response: ServerResponse,
  handler: RequestListener,
  timers: Set<NodeJS.Timeout>,
): void {
  const later = (delayMs: number, run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!response.destroyed) run();
    }, delayMs);
    timers.add(timer);
  };
  switch (fault.kind) {
    case 'slow':
      later(fault.delayMs, () => handler(request, response));
      return;
    case 'status':
      request.resume();
      response.writeHead(fault.status, { 'content-length': '0', ...fault.headers }).end();
      return;
    case 'drip': {
      request.resume();
      const body = Buffer.from(fault.body);
      response.writeHead(200, { 'content-length': body.length });
      response.flushHeaders();
      const drip = (at: number): void => {
        response.write(body.subarray(at, at + 1));
        if (at + 1 >= body.length) response.end();
        else later(fault.intervalMs, () => drip(at + 1));
      };
      if (body.length === 0) response.end();
      else later(fault.intervalMs, () => drip(0));
      return;
    }
    case 'cut': {
      request.resume();
      const body = Buffer.from(fault.body);
      response.writeHead(200, { 'content-length': body.length });
      response.flushHeaders();
      // Cut when the bytes are out, else the head might be lost with them.
      response.write(body.subarray(0, fault.afterBytes), () => request.socket.destroy());
      return;
    }
    case 'reset':
      resetSocket(request.socket);
      return;
    case 'silent':
      request.resume();
      return;
    case 'close-idle':
      response.on('finish', () => request.socket.end());
      handler(request, response);
      return;
  }
}
