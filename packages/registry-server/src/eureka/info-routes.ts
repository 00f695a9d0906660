import { availableParallelism, totalmem } from 'node:os';
import { type Clock, MeshError } from '@inmesh/core';
import { version } from '../version.ts';
import type { InstanceIndex } from './instance-index.ts';
import type { PeerReplicator } from './peer-replicator.ts';
import type { Route, RouteHandler } from './route-table.ts';
import { formatOf, sendText } from './send-answer.ts';
import { writeXml } from './xml-codec.ts';

export interface InfoRoutesOptions {
  readonly index: InstanceIndex;
  readonly replicators: readonly PeerReplicator[];
  readonly clock: Clock;
}

const mebibyte = 2 ** 20;

/** What Eureka tells of itself, for monitors and people; no client needs it. */
export function infoRoutes({ index, replicators, clock }: InfoRoutesOptions): readonly Route[] {
  const startedAt = clock.now();

  const status: RouteHandler = (request, reply) => {
    const list = (peers: readonly PeerReplicator[]): string =>
      peers.map(({ name }) => name).join(', ');
    const told = {
      generalStats: {
        environment: `inmesh ${version}`,
        'num-of-cpus': String(availableParallelism()),
        'total-avail-memory': `${Math.round(totalmem() / mebibyte)}mb`,
        'current-memory-usage': `${Math.round(process.memoryUsage.rss() / mebibyte)}mb`,
        'server-uptime': uptime(clock.now() - startedAt),
      },
      applicationStats: {
        'registered-replicas': list(replicators),
        'available-replicas': list(replicators.filter(({ available }) => available)),
        'unavailable-replicas': list(replicators.filter(({ available }) => !available)),
      },
    };
    const format = formatOf(request);
    const text = format.syntax === 'json' ? JSON.stringify(told) : writeXml('status', told);
    return sendText(reply, format, text);
  };

  /** By the instance's id, JSON whoever asks: as Eureka does. */
  const overrides: RouteHandler = (_request, reply) => {
    const told: Record<string, string> = Object.create(null);
    for (const { instance } of index.all()) {
      const { instanceId, overriddenStatus } = instance;
      if (overriddenStatus !== 'UNKNOWN') told[instanceId] = overriddenStatus;
    }
    return sendText(reply, { syntax: 'json', compact: false }, JSON.stringify(told));
  };

  const group: RouteHandler = () => {
    throw new MeshError(
      'invalid_argument',
      "eureka: there are no auto-scaling groups here, they are Amazon's; take each instance out of service by PUT /apps/{app}/{id}/status?value=OUT_OF_SERVICE",
    );
  };

  return [
    ['GET', '/status', 'reader', status],
    ['GET', '/serverinfo/statusoverrides', 'reader', overrides],
    ['PUT', '/asg/:id/status', 'operator', group],
  ];
}

/** `3 days 04:05`, as Eureka writes it. */
function uptime(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const days = Math.floor(minutes / 1_440);
  const two = (value: number): string => String(value).padStart(2, '0');
  const rest = `${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}`;
  return days === 0 ? rest : `${days} day${days === 1 ? '' : 's'} ${rest}`;
}
