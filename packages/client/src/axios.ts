import type { CallOptions, Clock, NameScope, Send } from '@inmesh/core';
import { defaultNameScope, systemClock } from '@inmesh/core';
import axios, { type AxiosAdapter, type AxiosInstance, type CreateAxiosDefaults } from 'axios';
import { AxiosExchange } from './axios/axios-exchange.ts';
import { makeLean } from './axios/lean-instance.ts';
import { createMeshHosts } from './mesh-hosts.ts';

declare module 'axios' {
  interface AxiosRequestConfig {
    /** What only the mesh understands: retries, a hash key, how far the deadline reaches. */
    mesh?: CallOptions;
  }
}

/** What an axios adapter needs of a client, or of a whole mesh. */
export interface MeshSender {
  readonly send: Send;
  /** @default defaultNameScope */
  readonly names?: NameScope;
  /** @default systemClock */
  readonly clock?: Clock;
}

/**
 * An adapter for any axios instance: `axios.create({ adapter: meshAdapter(client) })`.
 *
 * Redirects are answers here: only `fetch` follows them. `proxy`, agents and progress callbacks have
 * no meaning in the mesh and are left alone.
 */
export function meshAdapter(mesh: MeshSender): AxiosAdapter {
  const hosts = createMeshHosts(mesh.names ?? defaultNameScope);
  const clock = mesh.clock ?? systemClock;
  const { send } = mesh;
  return (config) =>
    new Promise((resolve, reject) => {
      new AxiosExchange(config, resolve, reject).start(send, hosts, clock);
    });
}

/** A ready axios instance that calls through the mesh. */
export function meshAxios(mesh: MeshSender, defaults?: CreateAxiosDefaults): AxiosInstance {
  const instance = axios.create({ ...defaults, adapter: meshAdapter(mesh) });
  makeLean(instance, defaults);
  return instance;
}
