import { type Clock, MeshError } from '@inmesh/core';
import type { RouteAccess } from '../access/access.ts';
import { AnswerCache } from './answer-cache.ts';
import {
  type AnswerFormat,
  appAnswer,
  deltaAnswer,
  fullAnswer,
  instanceAnswer,
  selectedAnswer,
} from './answers.ts';
import type { IndexEntry, InstanceIndex } from './instance-index.ts';
import {
  appOf,
  type Route,
  type RouteHandler,
  type RouteRequest,
  unknownInstance,
} from './route-table.ts';
import { acceptsGzip, formatOf, sendAnswer, sendText } from './send-answer.ts';

export interface ReadRoutesOptions {
  readonly index: InstanceIndex;
  /** Whether others may rely on what is known: not while the server still waits for its clients. */
  readonly isSettled: () => boolean;
  readonly clock: Clock;
}

const access: RouteAccess = ['service', 'reader'];

/** What Eureka tells. */
export function readRoutes({ index, isSettled, clock }: ReadRoutesOptions): readonly Route[] {
  const cache = new AnswerCache(clock);

  /** What all clients ask for, each half a minute: from the cache. */
  const list =
    (kind: string, write: (index: InstanceIndex, format: AnswerFormat) => string): RouteHandler =>
    async (request, reply) => {
      if (!isSettled()) throw notSettled();
      const format = formatOf(request);
      const gzipped = acceptsGzip(request);
      const key = [kind, format.syntax, format.compact, gzipped].join();
      const answer = cache.get(key, index.version, gzipped, () => write(index, format));
      return sendAnswer(reply, format, await answer);
    };
  const oneApp: RouteHandler = (request, reply) => {
    const app = appOf(request.params);
    const entries = index.app(app);
    if (entries === undefined) throw unknownInstance(request.params);
    const format = formatOf(request);
    return sendText(reply, format, appAnswer(app, entries, format));
  };
  const oneInstance =
    (find: (request: RouteRequest) => IndexEntry | undefined): RouteHandler =>
    (request, reply) => {
      const entry = find(request);
      if (entry === undefined) throw unknownInstance(request.params);
      const format = formatOf(request);
      return sendText(reply, format, instanceAnswer(entry, format));
    };
  const byVip =
    (field: 'vipAddress' | 'secureVipAddress'): RouteHandler =>
    (request, reply) => {
      const format = formatOf(request);
      const { id } = request.params;
      const answer = selectedAnswer(
        index,
        format,
        (instance) => instance[field]?.split(',').includes(id) ?? false,
      );
      return sendText(reply, format, answer);
    };

  return [
    ['GET', '/apps', access, list('full', fullAnswer)],
    ['GET', '/apps/delta', access, list('delta', deltaAnswer)],
    ['GET', '/apps/:app', access, oneApp],
    [
      'GET',
      '/apps/:app/:id',
      access,
      oneInstance(({ params }) => index.find(appOf(params), params.id)),
    ],
    ['GET', '/instances/:id', access, oneInstance(({ params }) => index.findAnywhere(params.id))],
    ['GET', '/vips/:id', access, byVip('vipAddress')],
    ['GET', '/svips/:id', access, byVip('secureVipAddress')],
  ];
}

/** 403, on which Eureka's clients keep the list that they have. */
function notSettled(): MeshError {
  return new MeshError(
    'forbidden',
    'eureka: this server has just started and does not know everybody yet; keep the list that you have',
  );
}
