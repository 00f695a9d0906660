import type { Logger } from '@inmesh/core';

/**
 * Runs `shutdown` once at the first of `signals`, then lets the signal end the process as it would
 * have, so that whoever started it sees the true reason. An application that listens for the same
 * signal decides for itself when to end. Returns what takes the listeners off.
 */
export function onShutdownSignal(
  signals: readonly NodeJS.Signals[],
  shutdown: () => Promise<unknown>,
  logger: Logger,
): () => void {
  let stopping = false;
  const listener = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    const alone = process.listenerCount(signal) === 1;
    logger.info({ signal }, 'draining');
    shutdown()
      .catch((error: unknown) => logger.error({ err: error }, 'the shutdown was not clean'))
      .finally(() => {
        remove();
        if (alone) process.kill(process.pid, signal);
      });
  };
  const remove = (): void => {
    for (const signal of signals) process.off(signal, listener);
  };
  for (const signal of signals) process.on(signal, listener);
  return remove;
}
