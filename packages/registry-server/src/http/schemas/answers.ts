import type { TSchema } from 'typebox';
import { Type } from 'typebox';

const problem = {
  description: 'a problem',
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
};

/** An answer that is not JSON. */
export interface TypedAnswer {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: TSchema }>>;
}

/** The answers of a route: `success` by its status, and the problems that any route may answer. */
export function answers(
  success: Readonly<Record<number, TSchema | TypedAnswer>>,
): Record<string, unknown> {
  return { ...success, '4xx': problem, '5xx': problem };
}

/** Server-sent events. */
export const eventStream: TypedAnswer = {
  description: 'the stream, until either side ends it',
  content: { 'text/event-stream': { schema: Type.String() } },
};

export const noContent: TSchema = Type.Null({ description: 'done' });
