import type { ServicePage } from '@inmesh/core';
import { request } from './request.ts';

export type ServiceSummary = ServicePage['services'][number];

/** The most that a page of the registry's list has. */
const pageSize = 1_000;
/** More than anybody looks at; a mesh that has more is searched with the command line. */
const maxPages = 20;

/** Every service of the registry by name. */
export async function allServices(): Promise<readonly ServiceSummary[]> {
  const services: ServiceSummary[] = [];
  let after: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const query = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
    const answer: ServicePage = await request(`/v1/services?limit=${pageSize}${query}`);
    services.push(...answer.services);
    after = answer.next;
    if (after === undefined) break;
  }
  return services;
}
