import { afterEach } from '@jest/globals';

const cleanups: (() => unknown)[] = [];

/** Runs `cleanup` after the test, last first. */
export function onEnd(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
