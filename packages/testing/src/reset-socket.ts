import type { Socket } from 'node:net';

/**
 * Ends a connection as the death of a process does, by a reset. One that is ending already is only
 * destroyed: libuv resets nothing while a shutdown is under way, and Node then loses the handle,
 * which never closes, and for which the process spins for ever when it is to exit.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
