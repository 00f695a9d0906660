import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Direction, Report } from './services/stage.ts';

/** A service of the bookshop, in a process of its own. */
export interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  /** The endpoint's id in the registry; '' for one that serves nothing. */
  readonly endpoint: string;
  direct(direction: Direction): void;
}

/**
 * Starts `services/<script>.js` and waits until it serves. Its log goes to the demo's standard error.
 * Throws when it ends or says nothing within 30 s.
 */
export async function startChild(
  script: string,
  name: string,
  environment: Readonly<Record<string, string>>,
  onReport: (report: Report) => void,
  waitForReady = true,
): Promise<Child> {
  const file = fileURLToPath(new URL(`./services/${script}.js`, import.meta.url));
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let endpoint = '';
  if (waitForReady) {
    const timeout = AbortSignal.timeout(30_000);
    const ended = once(child, 'exit', { signal: timeout }).then(([code, signal]) => {
      throw new Error(`${name} ended before it served (${code ?? signal})`);
    });
    const ready = new Promise<Report>((resolve) => {
      child.on('message', (report: Report) => {
        if (report.kind === 'ready') resolve(report);
      });
    });
    const first = await Promise.race([ready, ended]);
    ended.catch(() => {}); // whatever ends it later is not this function's business
    if (first.kind === 'ready') endpoint = first.endpoint;
  }
  child.on('message', onReport);
  return { name, process: child, endpoint, direct: (direction) => void child.send(direction) };
}
