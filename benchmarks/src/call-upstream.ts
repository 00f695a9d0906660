import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A server in its own process: what it costs is not the client's. */
export interface Upstream {
  /** All served by one process. */
  readonly ports: readonly number[];
  stop(): void;
}

/** `/small` answers 200 bytes of JSON, `/large` 256 KiB. */
export async function startUpstream(ports: number): Promise<Upstream> {
  const child = fork(fileURLToPath(import.meta.url), [`${ports}`], { stdio: 'inherit' });
  const list = await new Promise<number[]>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number[]));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the upstream exited with ${code}`)));
  });
  return { ports: list, stop: () => void child.kill() };
}

const small = Buffer.from(JSON.stringify({ id: 7, title: 'x'.repeat(170), stars: 5 }));
const large = Buffer.alloc(256 * 1024, 'x');

async function serve(count: number): Promise<void> {
  const ports: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const server = createServer((request, response) => {
      const body = request.url === '/large' ? large : small;
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': body.length,
      });
      response.end(body);
    });
    // Longer than a benchmark: the client's connections are what is measured, not their making.
    server.keepAliveTimeout = 600_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  process.once('disconnect', () => process.exit());
  process.send?.(ports);
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  await serve(Number(process.argv[2]));
}
