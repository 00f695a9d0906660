import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Order, Ready } from './reviews-service.ts';

/** The longest that a process may take to serve. */
const startWithinMs = 20_000;

/** One process of the service. */
export interface ServiceProcess {
  readonly port: number;
  tell(order: Order): void;
  signal(signal: NodeJS.Signals): void;
  /** kill -9, which ends a stopped process too. Resolves when it has gone. Idempotent. */
  kill(): Promise<void>;
}

/** Starts `reviews-service.js` and waits until it serves. Throws when it does not. */
export async function startService(registry: string): Promise<ServiceProcess> {
  const file = fileURLToPath(new URL('./reviews-service.js', import.meta.url));
  const child = fork(file, { env: { ...process.env, INMESH_REGISTRY: registry } });
  const signal = AbortSignal.timeout(startWithinMs);
  try {
    const message = once(child, 'message', { signal });
    const ended = once(child, 'exit', { signal }).then(([code]) => {
      throw new Error(`a service ended with ${code} before it served: see its messages above`);
    });
    ended.catch(() => {}); // once it serves, its end is whoever's who ends it
    const [{ port }] = (await Promise.race([message, ended])) as [Ready];
    return {
      port,
      tell: (order) => void child.send(order),
      signal: (name) => void child.kill(name),
      kill: () => kill(child),
    };
  } catch (cause) {
    await kill(child);
    throw cause;
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
