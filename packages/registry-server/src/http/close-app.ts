import type { Clock, Timer } from '@inmesh/core';
import type { App } from './app.ts';

/** Connections that finished their last request are looked for this often. */
const idleCheckMs = 50;

/** Takes no new connections, lets requests under way finish, and cuts what is left after `timeoutMs`. */
export async function closeApp(app: App, timeoutMs: number, clock: Clock): Promise<void> {
  const deadline = clock.setTimer(() => app.server.closeAllConnections(), timeoutMs);
  // A connection that was busy when the server closed stays open for its keep-alive time otherwise.
  let idleCheck: Timer;
  const closeIdle = (): void => {
    app.server.closeIdleConnections();
    idleCheck = clock.setTimer(closeIdle, idleCheckMs);
  };
  closeIdle();
  await app.close();
  deadline.cancel();
  // biome-ignore lint/style/noNonNullAssertion: closeIdle ran above.
  idleCheck!.cancel();
}
