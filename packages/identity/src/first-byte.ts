import type { Socket } from 'node:net';

/** The first byte of every TLS connection: a record of type `handshake`. No HTTP method begins with it. */
const tlsHandshake = 0x16;

/**
 * Waits for what a connection says first and gives it back unread: the chunk goes to the front of
 * the socket's buffer again, not copied. `done` comes at most once, and not for a connection that
 * closes, ends or stays silent for `timeoutMs`: that one is destroyed.
 */
export function readFirstByte(
  socket: Socket,
  timeoutMs: number,
  done: (first: 'tls' | 'plain') => void,
): void {
  const give = (): void => void socket.destroy();
  const onData = (chunk: Buffer): void => {
    socket.setTimeout(0);
    socket.off('data', onData).off('timeout', give).off('end', give);
    socket.pause();
    socket.unshift(chunk);
    done(chunk[0] === tlsHandshake ? 'tls' : 'plain');
  };
  // `end`: a peer that only says goodbye would be kept half open.
  socket.on('data', onData).on('timeout', give).on('end', give);
  socket.setTimeout(timeoutMs);
}
