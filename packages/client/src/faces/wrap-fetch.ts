import { MeshError } from '@inmesh/core';
import type { MeshHosts } from '../mesh-hosts.ts';
import type { MeshFetch } from './fetch.ts';

/**
 * A `fetch` for the whole process: hosts of the mesh go through it, the rest to `original` as
 * before. A name that can only be the mesh's never reaches `original`, even when it is unknown.
 */
export function createWrapFetch(
  meshFetch: MeshFetch,
  hosts: MeshHosts,
  outbound: 'allow-any' | 'registry-only',
): (original: typeof globalThis.fetch) => typeof globalThis.fetch {
  const isHttp = (url: string): boolean => /^https?:/i.test(url);
  return (original) => (input, init) => {
    const url = typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
    if (!isHttp(url)) return original(input, init);
    let service: string;
    try {
      service = hosts.parse(url).origin.service;
    } catch (error) {
      // Outside names may look in ways that we refuse; the original knows its own business.
      if (!isMeshName(url, hosts)) return original(input, init);
      return Promise.reject(error);
    }
    if (service !== '') return meshFetch(input, init as Parameters<MeshFetch>[1]);
    if (outbound === 'allow-any') return original(input, init);
    return Promise.reject(
      new MeshError('outbound_refused', `${new URL(url).host} is no service of the mesh`),
    );
  };
}

/** Whether the host alone, whatever is wrong with the rest of the URL, is or claims to be the mesh's. */
function isMeshName(url: string, hosts: MeshHosts): boolean {
  if (!URL.canParse(url)) return false;
  try {
    return hosts.origin(new URL(url).origin).service !== '';
  } catch {
    return true;
  }
}
