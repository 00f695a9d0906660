import type { Clock } from '@inmesh/core';
import type { App } from './app.ts';

/** Connections that finished their last request are looked for this often. */
const idleCheckMs = 50;

/** Takes no new connections, lets requests under way finish, and cuts what is left after `timeoutMs`. */
export async function closeApp(app: App, timeoutMs: number, clock: Clock): Promise<void> {
  const deadline = clock.setTimer(() => app.server.closeAllConnections(), timeoutMs);
  // A connection that was busy when the server closed would stay open for its keep-alive time.
  const idleCheck = setInterval(() => app.server.closeIdleConnections(), idleCheckMs);
  try {
    await app.close();
  } finally {
    clearInterval(idleCheck);
    deadline.cancel();
  }
}
