import { Socket } from 'node:net';
import type { InboundRequest, Pipeline } from '@inmesh/inbound';

/** A request without a connection, as pipelines read them. */
export function requestOf(
  headers: Readonly<Record<string, string | readonly string[]>>,
  { method = 'GET', url = '/' }: { readonly method?: string; readonly url?: string } = {},
): InboundRequest {
  const rawHeaders = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().flatMap((single) => [name, single as string]),
  );
  const joined = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value].flat().join(', ')]),
  );
  return { method, url, headers: joined, rawHeaders, socket: new Socket() };
}

/** What the pipeline answers: 200 when it lets the request pass. */
export async function verdictOf(
  pipeline: Pipeline,
  headers: Readonly<Record<string, string | readonly string[]>>,
  request?: { readonly method?: string; readonly url?: string },
): Promise<number> {
  const verdict = await pipeline.handle(pipeline.begin(requestOf(headers, request)));
  return verdict.kind === 'proceed' ? 200 : verdict.status;
}
