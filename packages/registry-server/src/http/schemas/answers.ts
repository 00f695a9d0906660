import type { TSchema } from 'typebox';
import { Type } from 'typebox';

const problem = {
  description: 'a problem',
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
};

/** The answers of a route: `success` by its status, and the problems that any route may answer. */
export function answers(success: Readonly<Record<number, TSchema>>): Record<string, unknown> {
  return { ...success, '4xx': problem, '5xx': problem };
}

export const noContent: TSchema = Type.Null({ description: 'done' });
