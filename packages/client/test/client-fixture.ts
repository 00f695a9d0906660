import type { RequestListener } from 'node:http';
import { startUpstream, type Upstream, type UpstreamOptions } from '@inmesh/testing';
import { afterEach } from '@jest/globals';
import { type Client, type ClientOptions, createClient } from '../src/index.ts';

const open: { close(): Promise<void> }[] = [];

/** Closes whatever the test made, clients before upstreams. */
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

export async function upstream(options: RequestListener | UpstreamOptions = {}): Promise<Upstream> {
  const made = await startUpstream(options);
  open.push(made);
  return made;
}

/** A client of one service, `reviews`, at the given upstreams. */
export function clientOf(
  upstreams: readonly { readonly port: number }[],
  options: Partial<ClientOptions> = {},
): Client {
  const endpoints = { reviews: upstreams.map(({ port }) => ({ port })) };
  return client({ ...(options.source === undefined ? { endpoints } : {}), ...options });
}

export function client(options: ClientOptions): Client {
  const made = createClient({ closeTimeoutMs: 200, ...options });
  open.push(made);
  return made;
}

export function closeAfter(one: { close(): Promise<void> }): void {
  open.push(one);
}

/** What the upstream got, as JSON. */
export const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { method, url, headers } = request;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
  });
};

export interface Echoed {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}
