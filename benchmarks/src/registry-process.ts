import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { TargetKind, TargetOptions, TargetReport } from './registry-target.ts';

/** A server in a process of its own. */
export interface Target {
  readonly url: URL;
  report(): Promise<TargetReport>;
  close(): Promise<void>;
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void>;
}

export async function startTarget(kind: TargetKind, options: TargetOptions = {}): Promise<Target> {
  // Beside this file once it is compiled.
  const child = fork(new URL('./registry-target.js', import.meta.url), [
    kind,
    JSON.stringify(options),
  ]);
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return {
    url: new URL(url),
    async report() {
      child.send('report');
      const [report] = (await once(child, 'message')) as [TargetReport];
      return report;
    },
    async close() {
      if (child.exitCode !== null) return;
      child.disconnect();
      await once(child, 'exit');
    },
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
