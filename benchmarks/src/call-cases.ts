import type { Client } from '@inmesh/client';
import {
  axiosSide,
  axiosStackSide,
  everyGuard,
  fetchStreamSide,
  fetchTextSide,
  meshAxiosSide,
  meshClient,
  poolSide,
  poolsSide,
  requestSide,
  type Side,
} from './call-sides.ts';
import type { Upstream } from './call-upstream.ts';

/** A face against what it replaces. */
export interface Case {
  readonly subject: string;
  readonly baseline: string;
  readonly concurrency: number;
  /** Calls of one measurement. */
  readonly calls: number;
  readonly rounds: number;
  readonly sides: (upstream: Upstream) => { subject: Side; baseline: Side };
}

export function callCases(): readonly Case[] {
  const small = '/small';
  const large = '/large';
  const url = (upstream: Upstream, path: string): string =>
    `http://127.0.0.1:${upstream.ports[0]}${path}`;
  const client = ({ ports }: Upstream, count = 1) => meshClient(ports.slice(0, count));
  const closing = (side: Side, of: { close(): Promise<void> }): Side => ({
    call: side.call,
    close: async () => {
      await side.close();
      await of.close();
    },
  });
  const request = (concurrency: number, calls: number, rounds: number): Case => ({
    subject: 'mesh.request',
    baseline: 'Pool.request + bytes()',
    concurrency,
    calls,
    rounds,
    sides(upstream) {
      const mesh = client(upstream);
      return {
        subject: closing(requestSide(mesh, small), mesh),
        baseline: poolSide(upstream.ports[0] as number, small),
      };
    },
  });
  const meshUrl = (path: string): string => `http://reviews${path}`;
  const face = (
    subject: string,
    baseline: string,
    calls: number,
    side: { mesh: (mesh: Client) => Side; plain: (upstream: Upstream) => Side },
  ): Case => ({
    subject,
    baseline,
    concurrency: 50,
    calls,
    rounds: 21,
    sides(upstream) {
      const mesh = client(upstream);
      return { subject: closing(side.mesh(mesh), mesh), baseline: side.plain(upstream) };
    },
  });
  return [
    request(1, 3_000, 31),
    request(50, 10_000, 21),
    request(256, 10_000, 21),
    {
      subject: 'mesh.request, every guard on',
      baseline: 'Pool.request + bytes()',
      concurrency: 50,
      calls: 10_000,
      rounds: 21,
      sides(upstream) {
        const mesh = meshClient(upstream.ports.slice(0, 1), undefined, everyGuard);
        return {
          subject: closing(requestSide(mesh, small), mesh),
          baseline: poolSide(upstream.ports[0] as number, small),
        };
      },
    },
    {
      subject: 'mesh.request, 8 endpoints',
      baseline: 'Pool.request + bytes(), 8 pools in turn',
      concurrency: 50,
      calls: 10_000,
      rounds: 21,
      sides(upstream) {
        const mesh = client(upstream, 8);
        return {
          subject: closing(requestSide(mesh, small), mesh),
          baseline: poolsSide(upstream.ports, small),
        };
      },
    },
    face('mesh.fetch + text()', 'global fetch + text()', 4_000, {
      mesh: (mesh) => fetchTextSide(mesh.fetch, meshUrl(small)),
      plain: (upstream) => fetchTextSide(globalThis.fetch, url(upstream, small)),
    }),
    face('mesh.fetch + text(), 256 KiB', 'global fetch + text()', 800, {
      mesh: (mesh) => fetchTextSide(mesh.fetch, meshUrl(large)),
      plain: (upstream) => fetchTextSide(globalThis.fetch, url(upstream, large)),
    }),
    face('mesh.fetch, .body as a stream', 'global fetch, .body as a stream', 3_000, {
      mesh: (mesh) => fetchStreamSide(mesh.fetch, meshUrl(small)),
      plain: (upstream) => fetchStreamSide(globalThis.fetch, url(upstream, small)),
    }),
    face('mesh.fetch, .body as a stream, 256 KiB', 'global fetch, .body as a stream', 800, {
      mesh: (mesh) => fetchStreamSide(mesh.fetch, meshUrl(large)),
      plain: (upstream) => fetchStreamSide(globalThis.fetch, url(upstream, large)),
    }),
    face('meshAxios.get', 'axios, keep-alive agent', 4_000, {
      mesh: (mesh) => meshAxiosSide(mesh, small),
      plain: ({ ports }) => axiosSide(ports[0] as number, small, 50),
    }),
    face('meshAxios.get', 'axios + axios-retry + opossum', 4_000, {
      mesh: (mesh) => meshAxiosSide(mesh, small),
      plain: ({ ports }) => axiosStackSide(ports[0] as number, small, 50),
    }),
  ];
}
