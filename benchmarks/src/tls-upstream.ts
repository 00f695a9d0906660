import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createIdentity, type MutualTlsMode, serveMutualTls } from '@inmesh/identity';
import { enrollerOf, type RootText } from './bench-authority.ts';

/** A server of `/small` in its own process. */
export interface TlsUpstream {
  readonly port: number;
  /** Microseconds of CPU that its process has used so far. */
  cpu(): Promise<number>;
  stop(): void;
}

interface Order {
  readonly root: RootText;
  /** `undefined`: a plain `http.Server`, with nothing of ours before it. */
  readonly mode: MutualTlsMode | undefined;
}

export const upstreamId = 'spiffe://cluster.local/ns/default/sa/reviews';

export async function startTlsUpstream(
  root: RootText,
  mode: MutualTlsMode | undefined,
): Promise<TlsUpstream> {
  const child = fork(fileURLToPath(import.meta.url), [], { stdio: 'inherit' });
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the upstream exited with ${code}`);
  });
  exited.catch(() => {}); // once it is stopped nobody waits for it
  const answer = async (): Promise<number> => {
    const [message] = await Promise.race([once(child, 'message'), exited]);
    return message as number;
  };
  child.send({ root, mode } satisfies Order);
  const port = await answer();
  return {
    port,
    cpu() {
      child.send('cpu');
      return answer();
    },
    stop: () => void child.kill(),
  };
}

const small = Buffer.from(JSON.stringify({ id: 7, title: 'x'.repeat(170), stars: 5 }));

async function serve({ root, mode }: Order): Promise<void> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': small.length });
    response.end(small);
  });
  server.keepAliveTimeout = 600_000;
  if (mode !== undefined) {
    const identity = createIdentity({ enroller: enrollerOf(root), spiffeId: upstreamId });
    await identity.ready();
    serveMutualTls(server, { identity, mode: () => mode });
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.send?.((server.address() as AddressInfo).port);
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('disconnect', () => process.exit());
  process.on('message', (message) => {
    if (message !== 'cpu') {
      void serve(message as Order);
      return;
    }
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
}
