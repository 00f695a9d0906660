import { type Clock, MeshError } from '@inmesh/core';
import {
  anyTimestamp,
  type EurekaInstance,
  readInstance,
  readMap,
  readNumber,
  readStatus,
  withoutMark,
} from '@inmesh/core/eureka';
import type { FastifyRequest } from 'fastify';
import type { RouteAccess } from '../access/access.ts';
import type { OwnNames } from '../access/own-name.ts';
import type { Principal } from '../access/principal.ts';
import { addressFault } from '../probe/address-policy.ts';
import { instanceAnswer } from './answers.ts';
import type { EurekaDoor } from './eureka-door.ts';
import { applyBatch } from './peer-batch.ts';
import { readInstanceBody, readJsonBody } from './read-body.ts';
import { appOf, type Route, type RouteHandler, unknownInstance } from './route-table.ts';
import { formatOf, sendText } from './send-answer.ts';

export interface WriteRoutesOptions {
  readonly door: EurekaDoor;
  readonly ownNames: OwnNames;
  readonly bodyBytes: number;
  readonly clock: Clock;
}

/** A peer's batch: up to 250 instances. */
export const batchBytes: number = 4 * 1024 * 1024;

const access: RouteAccess = 'service';

/** What Eureka is told. */
export function writeRoutes(options: WriteRoutesOptions): readonly Route[] {
  const { door, ownNames, bodyBytes, clock } = options;
  const wallNow = (): number => Math.round(clock.wallNow());

  const register: RouteHandler = async (request, reply) => {
    const instance = readInstance(
      await readInstanceBody(request, bodyBytes),
      wallNow(),
      addressFault,
    );
    const expected = appOf(request.params);
    if (instance.app !== expected) {
      throw new MeshError(
        'invalid_argument',
        `Mismatched appName, expecting ${expected} but was ${instance.app}`,
      );
    }
    door.register(asOwn(request.principal, instance), isReplica(request));
    return reply.code(204).send();
  };

  const renew: RouteHandler = (request, reply) => {
    const { params, query } = request;
    const outcome = door.renew(appOf(params), params.id, {
      lastDirtyTimestamp: readNumber(query, 'lastDirtyTimestamp', anyTimestamp),
      replica: isReplica(request),
    });
    if (outcome.kind === 'unknown') throw unknownInstance(params);
    if (outcome.kind === 'renewed') return reply.code(200).send();
    const format = formatOf(request);
    return sendText(reply.code(409), format, instanceAnswer(outcome.entry, format));
  };

  const cancel: RouteHandler = ({ params }, reply) => {
    if (!door.cancel(appOf(params), params.id)) throw unknownInstance(params);
    return reply.code(200).send();
  };

  const override: RouteHandler = async ({ params, query, principal }, reply) => {
    const status = readStatus(query.value);
    if (status === undefined) {
      throw new MeshError('invalid_argument', 'eureka: ?value= must be a status, such as UP');
    }
    const done = await door.override(appOf(params), params.id, status, isOperator(principal));
    if (!done) throw unknownInstance(params);
    return reply.code(200).send();
  };

  const endOverride: RouteHandler = async ({ params, principal }, reply) => {
    const done = await door.override(appOf(params), params.id, undefined, isOperator(principal));
    if (!done) throw unknownInstance(params);
    return reply.code(200).send();
  };

  const addMetadata: RouteHandler = ({ params, query }, reply) => {
    const first = Object.entries(query).map(([key, value]) => [key, [value].flat()[0]]);
    const added = readMap({ metadata: Object.fromEntries(first) }, 'metadata');
    if (!door.addMetadata(appOf(params), params.id, added)) throw unknownInstance(params);
    return reply.code(200).send();
  };

  const batch: RouteHandler = async (request) =>
    applyBatch(door, await readJsonBody(request, batchBytes), wallNow());

  /** By their VIP addresses, too, callers look instances up: those of a workload are its own names. */
  const asOwn = (principal: Principal, instance: EurekaInstance): EurekaInstance => {
    if (principal.kind !== 'service') return instance;
    const { vipAddress = '', secureVipAddress = '' } = instance;
    for (const name of [vipAddress, secureVipAddress].flatMap((names) => names.split(','))) {
      if (name.trim() !== '') ownNames.checkService(principal, door.serviceOf(name.trim()));
    }
    return withoutMark(instance);
  };

  /** A workload speaks for its own app only, as at our own door. */
  const own =
    (handler: RouteHandler): RouteHandler =>
    (request, reply) => {
      ownNames.checkService(request.principal, door.serviceOf(appOf(request.params)));
      return handler(request, reply);
    };

  return [
    ['POST', '/apps/:app', access, own(register)],
    ['PUT', '/apps/:app/:id', access, own(renew)],
    ['DELETE', '/apps/:app/:id', access, own(cancel)],
    ['PUT', '/apps/:app/:id/status', access, own(override)],
    ['DELETE', '/apps/:app/:id/status', access, own(endOverride)],
    ['PUT', '/apps/:app/:id/metadata', access, own(addMetadata)],
    // A peer speaks for everybody.
    ['POST', '/peerreplication/batch', 'operator', batch],
  ];
}

function isReplica({ headers }: FastifyRequest): boolean {
  return headers['x-netflix-discovery-replication'] === 'true';
}

function isOperator({ kind }: Principal): boolean {
  return kind === 'operator';
}
