import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Problem } from '@inmesh/core';
import type { FastifyError, FastifyReply } from 'fastify';
import { createProblem } from './problem.ts';

const contentType = 'application/problem+json';

/** @param retryAfterMs When it is worth asking again. @default 1_000 for 503 */
export function sendProblem(
  reply: FastifyReply,
  problem: Problem,
  retryAfterMs: number | undefined = problem.status === 503 ? 1_000 : undefined,
): void {
  if (retryAfterMs !== undefined) {
    reply.header('retry-after', String(Math.ceil(retryAfterMs / 1_000)));
  }
  reply.code(problem.status).header('content-type', contentType).send(JSON.stringify(problem));
}

const clientErrorStatus: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** What the HTTP parser refuses never becomes a request: answered on the bare socket. */
export function answerClientError(error: FastifyError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = clientErrorStatus[error.code] ?? 400;
  const detail = 'the request could not be read as HTTP/1.1';
  const body = JSON.stringify(createProblem(status, 'invalid_argument', detail));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${contentType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
