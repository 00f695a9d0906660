import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CachedAnswer } from './answer-cache.ts';
import type { AnswerFormat } from './answers.ts';

/** JSON only for who says so: Eureka's other clients read XML, and say nothing or anything. */
export function formatOf({ headers }: FastifyRequest): AnswerFormat {
  return {
    syntax: headers.accept?.includes('json') ? 'json' : 'xml',
    compact: headers['x-eureka-accept'] === 'compact',
  };
}

export function acceptsGzip({ headers }: FastifyRequest): boolean {
  return /\bgzip\b/.test(String(headers['accept-encoding'] ?? ''));
}

export function sendText(reply: FastifyReply, format: AnswerFormat, text: string): FastifyReply {
  return sendAnswer(reply, format, { body: Buffer.from(text), gzipped: false });
}

export function sendAnswer(
  reply: FastifyReply,
  { syntax }: AnswerFormat,
  { body, gzipped }: CachedAnswer,
): FastifyReply {
  if (gzipped) reply.header('content-encoding', 'gzip');
  return reply
    .header('content-type', `application/${syntax}`)
    .header('vary', 'accept, accept-encoding, x-eureka-accept')
    .send(body);
}
