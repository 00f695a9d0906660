/**
 * The server side of the registry bench, a process of its own: the registry, or what it is compared
 * to. Tells its URL, and on request its memory and the CPU time that it took so far.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEtcdStore, createRegistryServer } from '@inmesh/registry-server';

export type TargetKind = 'registry' | 'eureka' | 'bare';
export interface TargetReport {
  readonly rssBytes: number;
  readonly cpuMs: number;
}

/** Of the registry. */
export interface TargetOptions {
  /** @default any free one */
  readonly port?: number;
  /** @default 600_000: nothing expires */
  readonly sessionTtlMs?: number;
  /** @default 0: what it knows is all there is */
  readonly settleMs?: number;
  /** `etcd://…`, shared with other servers. @default a store of its own */
  readonly etcd?: string;
}

async function startRegistry(
  eureka: boolean,
  { port = 0, sessionTtlMs = 600_000, settleMs = 0, etcd }: TargetOptions,
): Promise<string> {
  const server = createRegistryServer({
    port,
    settleMs,
    sessionTtlMs,
    eureka,
    ...(etcd === undefined ? {} : { store: createEtcdStore({ address: etcd }) }),
  });
  return (await server.listen()).url;
}

/** Bare `node:http`: PUT on a session is answered with 204, GET opens a stream, PUT on `/change` writes its body to all of them. */
async function startBare(): Promise<string> {
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(':\n\n');
      streams.add(response);
      response.on('close', () => streams.delete(response));
      return;
    }
    if (request.url !== '/change') {
      response.writeHead(204).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const frame = Buffer.from(`event: delta\ndata: ${Buffer.concat(chunks).toString()}\n\n`);
      for (const stream of streams) stream.write(frame);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const kind = process.argv[2] as TargetKind;
const options = JSON.parse(process.argv[3] ?? '{}') as TargetOptions;
const url = kind === 'bare' ? await startBare() : await startRegistry(kind === 'eureka', options);
/** What collecting garbage for the reports took: not what the server costs. */
let collectingMs = 0;
process.on('message', () => {
  const began = cpuMs();
  globalThis.gc?.();
  collectingMs += cpuMs() - began;
  const report: TargetReport = {
    rssBytes: process.memoryUsage.rss(),
    cpuMs: cpuMs() - collectingMs,
  };
  process.send?.(report);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ url });

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
