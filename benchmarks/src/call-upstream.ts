import { fork } from 'node:child_process';
import { type AddressInfo, createServer, type Socket } from 'node:net';
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

const small = answer(Buffer.from(JSON.stringify({ id: 7, title: 'x'.repeat(170), stars: 5 })));
const large = answer(Buffer.alloc(256 * 1024, 'x'));

/** As `node:http` would write it. */
function answer(body: Buffer): Buffer {
  const head = [
    'HTTP/1.1 200 OK',
    'content-type: application/json',
    `content-length: ${body.length}`,
    `Date: ${new Date().toUTCString()}`,
    'Connection: keep-alive',
    // Longer than a benchmark: the client's connections are what is measured, not their making.
    'Keep-Alive: timeout=600',
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

/**
 * Answers GET requests with bytes made before: the less the server works, the less of the machine it
 * takes from the client that is measured.
 */
function serveConnection(socket: Socket): void {
  let received = '';
  socket.setNoDelay();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    for (;;) {
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.write(received.startsWith('GET /large ') ? large : small);
      received = received.slice(end + 4);
    }
  });
}

async function serve(count: number): Promise<void> {
  const ports: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const server = createServer(serveConnection);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  process.once('disconnect', () => process.exit());
  process.send?.(ports);
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  await serve(Number(process.argv[2]));
}
