import {
  type Clock,
  MeshError,
  type ServiceEndpoints,
  type ServiceName,
  type ServicePage,
  serviceName,
} from '@inmesh/core';
import { Type } from 'typebox';
import type { Sees } from '../../authorization/visibility.ts';
import type { EndpointRecord } from '../../state/endpoint-record.ts';
import type { RegistryState } from '../../state/registry-state.ts';
import type { ServiceRecord } from '../../state/service-record.ts';
import { serviceSnapshot } from '../../watch/service-view.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import { label, pageQuery, serviceNameSchema } from '../schemas/common-schemas.ts';
import {
  serviceEndpointsSchema,
  servicePageSchema,
  serviceSnapshotSchema,
} from '../schemas/service-schemas.ts';

const tags = ['services'];

export interface ServiceRoutesOptions {
  readonly state: RegistryState;
  readonly sees: Sees;
  readonly clock: Clock;
}

export function serviceRoutes(app: App, { state, sees, clock }: ServiceRoutesOptions): void {
  app.get(
    '/v1/services',
    {
      config: { access: ['service', 'reader'] },
      schema: {
        tags,
        summary: 'List services by name',
        querystring: pageQuery(serviceNameSchema),
        response: answers({ 200: servicePageSchema }),
      },
    },
    async (request): Promise<ServicePage> => {
      const { limit = 100, after = '' } = request.query;
      const records = pageOf(state, after, limit, ({ service }) =>
        sees(request.principal, service),
      );
      const last = records.at(-1);
      const services = records.map(summary);
      if (last === undefined || records.length < limit) return { services };
      return { services, next: last.service };
    },
  );

  app.get(
    '/v1/services/:namespace/:name',
    {
      config: { access: ['service', 'reader'] },
      schema: {
        tags,
        summary: 'Look a service up',
        params: Type.Object({ namespace: label, name: label }),
        response: answers({ 200: serviceSnapshotSchema }),
      },
    },
    async (request) => {
      const service = serviceName(request.params.name, request.params.namespace);
      const snapshot = serviceSnapshot(state, service);
      if (snapshot.known && sees(request.principal, service)) return snapshot;
      throw unknownService(service);
    },
  );

  app.get(
    '/v1/services/:namespace/:name/endpoints',
    {
      config: { access: 'reader' },
      schema: {
        tags,
        summary: "What people want to know of a service's endpoints beyond what callers do",
        params: Type.Object({ namespace: label, name: label }),
        response: answers({ 200: serviceEndpointsSchema }),
      },
    },
    async (request): Promise<ServiceEndpoints> => {
      const service = serviceName(request.params.name, request.params.namespace);
      const record = state.services.find(service);
      if (record === undefined) throw unknownService(service);
      const now = clock.now();
      const endpoints = [...record.endpoints.values()].map((one) => details(one, state, now));
      return { service, endpoints };
    },
  );
}

/** Up to `limit` services behind `after` that may be seen. */
function pageOf(
  state: RegistryState,
  after: ServiceName,
  limit: number,
  isSeen: (record: ServiceRecord) => boolean,
): ServiceRecord[] {
  const seen: ServiceRecord[] = [];
  for (let from = after; ; ) {
    const page = state.services.page(from, limit);
    const last = page.at(-1);
    seen.push(...page.filter(isSeen).slice(0, limit - seen.length));
    if (last === undefined || page.length < limit || seen.length === limit) return seen;
    from = last.service;
  }
}

function details(
  { id, registeredAt, holder, probe, healthy }: EndpointRecord,
  state: RegistryState,
  now: number,
): ServiceEndpoints['endpoints'][number] {
  return {
    id,
    ageMs: Math.round(now - registeredAt),
    heldBy: holder.name === 'held' ? holder.session.client : null,
    probed: probe !== undefined,
    healthy,
    override: state.endpoints.overrideOf(id) ?? null,
  };
}

function unknownService(service: ServiceName): MeshError {
  const message = `registry: no service ${service}; nothing was ever registered under it in this run`;
  return new MeshError('unknown_service', message, { service });
}

function summary(record: ServiceRecord): ServicePage['services'][number] {
  let up = 0;
  for (const { endpoint } of record.endpoints.values()) if (endpoint.status === 'up') up += 1;
  return { service: record.service, endpoints: record.endpoints.size, up };
}
