import { MeshError } from '@inmesh/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RouteAccess } from '../access/access.ts';

export interface RouteParams {
  readonly app: string;
  readonly id: string;
}

export type RouteQuery = Readonly<Record<string, unknown>>;
export type RouteRequest = FastifyRequest<{ Params: RouteParams; Querystring: RouteQuery }>;
export type RouteHandler = (request: RouteRequest, reply: FastifyReply) => unknown;

/** One of Eureka's operations, by its path below the prefix. */
export type Route = readonly [
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  access: RouteAccess,
  handler: RouteHandler,
];

/** Eureka knows apps in upper case, whatever a URL says. */
export function appOf({ app }: RouteParams): string {
  return app.toUpperCase();
}

export function unknownInstance({ app, id }: Partial<RouteParams>): MeshError {
  const what = [app, id].filter((part) => part !== undefined).join('/');
  return new MeshError('not_found', `eureka: ${what} is not registered`);
}
