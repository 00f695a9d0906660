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
    {
      subject: 'mesh.fetch + text()',
      baseline: 'global fetch + text()',
      concurrency: 50,
      calls: 4_000,
      rounds: 21,
      sides(upstream) {
        const mesh = client(upstream);
        return {
          subject: closing(fetchTextSide(mesh.fetch, `http://reviews${small}`), mesh),
          baseline: fetchTextSide(globalThis.fetch, url(upstream, small)),
        };
      },
    },
    {
      subject: 'mesh.fetch + text(), 256 KiB',
      baseline: 'global fetch + text()',
      concurrency: 50,
      calls: 800,
      rounds: 21,
      sides(upstream) {
        const mesh = client(upstream);
        return {
          subject: closing(fetchTextSide(mesh.fetch, `http://reviews${large}`), mesh),
          baseline: fetchTextSide(globalThis.fetch, url(upstream, large)),
        };
      },
    },
    {
      subject: 'mesh.fetch, .body as a stream',
      baseline: 'global fetch, .body as a stream',
      concurrency: 50,
      calls: 3_000,
      rounds: 21,
      sides(upstream) {
        const mesh = client(upstream);
        return {
          subject: closing(fetchStreamSide(mesh.fetch, `http://reviews${small}`), mesh),
          baseline: fetchStreamSide(globalThis.fetch, url(upstream, small)),
        };
      },
    },
    {
      subject: 'mesh.fetch, .body as a stream, 256 KiB',
      baseline: 'global fetch, .body as a stream',
      concurrency: 50,
      calls: 800,
      rounds: 21,
      sides(upstream) {
        const mesh = client(upstream);
        return {
          subject: closing(fetchStreamSide(mesh.fetch, `http://reviews${large}`), mesh),
          baseline: fetchStreamSide(globalThis.fetch, url(upstream, large)),
        };
      },
    },
    {
      subject: 'meshAxios.get',
      baseline: 'axios, keep-alive agent',
      concurrency: 50,
      calls: 4_000,
      rounds: 21,
      sides(upstream) {
        const mesh = client(upstream);
        return {
          subject: closing(meshAxiosSide(mesh, small), mesh),
          baseline: axiosSide(upstream.ports[0] as number, small, 50),
        };
      },
    },
    {
      subject: 'meshAxios.get',
      baseline: 'axios + axios-retry + opossum',
      concurrency: 50,
      calls: 4_000,
      rounds: 21,
      sides(upstream) {
        const mesh = client(upstream);
        return {
          subject: closing(meshAxiosSide(mesh, small), mesh),
          baseline: axiosStackSide(upstream.ports[0] as number, small, 50),
        };
      },
    },
  ];
}
