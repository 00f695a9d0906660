import { Agent as HttpAgent } from 'node:http';
import type { ConnectionOptions } from 'node:tls';
import type { Client } from '@inmesh/client';
import { type MeshSender, meshAxios } from '@inmesh/client/axios';
import axios from 'axios';
import axiosRetry from 'axios-retry';
import CircuitBreaker from 'opossum';
import { Pool } from 'undici';

/** One way to make a call; what it answers with is read to the end. */
export interface Side {
  call(): Promise<unknown>;
  close(): Promise<void>;
}

/** @param tls @default plain text */
export function poolSide(port: number, path: string, tls?: ConnectionOptions): Side {
  const pool =
    tls === undefined
      ? new Pool(`http://127.0.0.1:${port}`)
      : new Pool(`https://127.0.0.1:${port}`, { connect: tls as object });
  return {
    call: async () => {
      const { body } = await pool.request({ path, method: 'GET' });
      return body.bytes();
    },
    close: () => pool.close(),
  };
}

/** What somebody writes who balances by hand: the pools in turn. */
export function poolsSide(ports: readonly number[], path: string): Side {
  const pools = ports.map((port) => new Pool(`http://127.0.0.1:${port}`));
  let next = 0;
  return {
    call: async () => {
      next = (next + 1) % pools.length;
      const { body } = await (pools[next] as Pool).request({ path, method: 'GET' });
      return body.bytes();
    },
    close: async () => {
      for (const pool of pools) await pool.close();
    },
  };
}

export function requestSide(client: Pick<Client, 'request'>, path: string): Side {
  const url = `http://reviews${path}`;
  return { call: () => client.request(url), close: async () => {} };
}

type Fetch = (url: string) => Promise<Response>;

export function fetchTextSide(fetch: Fetch, url: string): Side {
  return { call: async () => (await fetch(url)).text(), close: async () => {} };
}

/** Reads `.body` as a stream, chunk by chunk. */
export function fetchStreamSide(fetch: Fetch, url: string): Side {
  return {
    call: async () => {
      let size = 0;
      for await (const chunk of (await fetch(url)).body as unknown as AsyncIterable<Uint8Array>) {
        size += chunk.byteLength;
      }
      return size;
    },
    close: async () => {},
  };
}

export function axiosSide(port: number, path: string, maxSockets: number): Side {
  const httpAgent = new HttpAgent({ keepAlive: true, maxSockets });
  const instance = axios.create({ baseURL: `http://127.0.0.1:${port}`, httpAgent });
  return { call: () => instance.get(path), close: async () => httpAgent.destroy() };
}

/** What a careful team puts together today. */
export function axiosStackSide(port: number, path: string, maxSockets: number): Side {
  const httpAgent = new HttpAgent({ keepAlive: true, maxSockets });
  const instance = axios.create({
    baseURL: `http://127.0.0.1:${port}`,
    httpAgent,
    timeout: 10_000,
  });
  axiosRetry(instance, { retries: 2 });
  const breaker = new CircuitBreaker((url: string) => instance.get(url), { timeout: false });
  return {
    call: () => breaker.fire(path),
    close: async () => {
      breaker.shutdown();
      httpAgent.destroy();
    },
  };
}

export function meshAxiosSide(client: MeshSender, path: string): Side {
  const instance = meshAxios(client);
  const url = `http://reviews${path}`;
  return { call: () => instance.get(url), close: async () => {} };
}
