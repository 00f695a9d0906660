import {
  type CallGraph,
  type Clock,
  type GraphParty,
  MeshError,
  type ServiceReporters,
  serviceName,
  splitServiceName,
} from '@inmesh/core';
import { Type } from 'typebox';
import { endWithAccess } from '../../access/end-with-access.ts';
import type { GraphFeed } from '../../graph/graph-feed.ts';
import { readHistory } from '../../graph/read-history.ts';
import type { ReportSink } from '../../graph/report-sink.ts';
import { partyKey } from '../../graph/traffic-table.ts';
import type { App } from '../app.ts';
import { openEventStream } from '../event-stream.ts';
import { answers, eventStream } from '../schemas/answers.ts';
import { label } from '../schemas/common-schemas.ts';
import {
  callGraphSchema,
  type GraphQuery,
  graphQuerySchema,
  historyQuerySchema,
  refusalListSchema,
  refusalQuerySchema,
  serviceHistorySchema,
  serviceReportersSchema,
} from '../schemas/graph-schemas.ts';

export interface GraphRoutesOptions {
  readonly sink: ReportSink;
  readonly feed: GraphFeed;
  /** Open streams of graphs. */
  readonly maxStreams: number;
  readonly clock: Clock;
}

const tags = ['graph'];
const config = { access: 'reader' } as const;
const params = Type.Object({ namespace: label, name: label });

export function graphRoutes(app: App, options: GraphRoutesOptions): void {
  const { sink, feed, maxStreams, clock } = options;

  app.get(
    '/v1/graph',
    {
      config,
      schema: {
        tags,
        summary: 'Who calls whom, how often, how well and how fast',
        querystring: graphQuerySchema,
        response: answers({ 200: callGraphSchema }),
      },
    },
    async (request) => part(feed.current(), request.query),
  );

  app.get(
    '/v1/graph/stream',
    {
      config,
      schema: {
        tags,
        summary: 'The graph every few seconds: server-sent events of kind `graph`',
        response: answers({ 200: eventStream }),
      },
    },
    (request, reply) => {
      if (feed.streams >= maxStreams) {
        throw new MeshError(
          'overloaded',
          `registry: all ${maxStreams} streams of the graph are taken; raise limits.graphStreams`,
        );
      }
      feed.open(endWithAccess(request, openEventStream(reply), clock));
    },
  );

  app.get(
    '/v1/services/:namespace/:name/history',
    {
      config,
      schema: {
        tags,
        summary: "A service's traffic, per version and per edge: five minutes or an hour",
        params,
        querystring: historyQuerySchema,
        response: answers({ 200: serviceHistorySchema }),
      },
    },
    async ({ params: { name, namespace }, query }) =>
      readHistory(sink, serviceName(name, namespace), query.range ?? '5m'),
  );

  app.get(
    '/v1/services/:namespace/:name/reporters',
    {
      config,
      schema: {
        tags,
        summary: 'The processes of a service, with breakers, ejections, limits and certificates',
        params,
        response: answers({ 200: serviceReportersSchema }),
      },
    },
    async (request): Promise<ServiceReporters> => {
      const service = serviceName(request.params.name, request.params.namespace);
      const reporters = [...sink.reporters.ofService(service)].slice(0, maxReporters);
      return {
        service,
        reporters: reporters.map(({ session, version, lastAt, state }) => ({
          client: session.client,
          version,
          silentForMs: Math.round(clock.now() - lastAt),
          state,
        })),
      };
    },
  );

  app.get(
    '/v1/refusals',
    {
      config,
      schema: {
        tags,
        summary: 'The last requests and connections that processes refused, newest first',
        querystring: refusalQuerySchema,
        response: answers({ 200: refusalListSchema }),
      },
    },
    async ({ query }) => sink.refusals.list(query.limit ?? 100, query.service),
  );
}

/** More than a page shows; a service of thousands of processes is not told whole. */
const maxReporters = 500;

function part(graph: CallGraph, { namespace, service }: GraphQuery): CallGraph {
  if (namespace === undefined && service === undefined) return graph;
  const isAskedFor = (party: GraphParty): boolean =>
    (service === undefined || party.service === service) &&
    (namespace === undefined || splitServiceName(party.service).namespace === namespace);
  const edges = graph.edges.filter(
    ({ source, destination }) => isAskedFor(source) || isAskedFor(destination),
  );
  const ends = new Set(
    edges.flatMap(({ source, destination }) => [partyKey(source), partyKey(destination)]),
  );
  const nodes = graph.nodes.filter((node) => isAskedFor(node) || ends.has(partyKey(node)));
  return { ...graph, nodes, edges };
}
