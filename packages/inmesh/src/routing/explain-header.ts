import {
  type Call,
  type CallControl,
  type HeaderPairs,
  headerValue,
  type Interceptor,
  meshHeaders,
  type ResponseHead,
  type Sink,
} from '@inmesh/core';
import type { CompiledRouterSource } from '../outside/service-entry-source.ts';

/** Nodes and proxies take 16 KiB of headers together. */
const maxLength = 4_096;

/**
 * A call with the header `inmesh-explain` gets the reason of its route in a response header of that
 * name. The header that asks stays here: the next hop's configuration is not the caller's to read.
 */
export function explainHeader(router: CompiledRouterSource): Interceptor {
  return (next) => (call, sink) => {
    if (headerValue(call.headers, meshHeaders.explain) === undefined) {
      next(call, sink);
      return;
    }
    const asked = { ...call, headers: without(call.headers, meshHeaders.explain) };
    next(asked, explaining(sink, reasonOf(asked, router)));
  };
}

function reasonOf(call: Call, router: CompiledRouterSource): string {
  if (call.service === '') return 'outside the mesh';
  // One line of printable ASCII: the text quotes what strangers sent.
  const line = router.current.explain(call).text.replaceAll('\n', ' | ');
  return line.replace(/[^\x20-\x7e]/g, '?').slice(0, maxLength);
}

function without(headers: readonly string[], name: string): string[] {
  const rest: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) rest.push(headers[i] as string, headers[i + 1] as string);
  }
  return rest;
}

/** `sink`, with one more header; it has `rewind` and `upgrade` only where `sink` has. */
function explaining(sink: Sink, reason: string): Sink {
  const explained = ({ status, statusText, headers }: ResponseHead): ResponseHead => ({
    status,
    statusText,
    headers: [...headers, meshHeaders.explain, reason],
  });
  return {
    start: (control: CallControl) => sink.start(control),
    head: (head) => sink.head(explained(head)),
    data: (chunk) => sink.data(chunk),
    end: (trailers: HeaderPairs) => sink.end(trailers),
    fail: (error) => sink.fail(error),
    ...(sink.rewind === undefined ? {} : { rewind: () => sink.rewind?.() }),
    ...(sink.upgrade === undefined
      ? {}
      : { upgrade: (head, socket) => sink.upgrade?.(explained(head), socket) }),
  };
}
