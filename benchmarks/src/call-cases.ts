import type { MeshOptions } from 'inmesh';
import { benchMesh } from './bench-mesh.ts';
import {
  axiosSide,
  axiosStackSide,
  fetchStreamSide,
  fetchTextSide,
  meshAxiosSide,
  poolSide,
  poolsSide,
  requestSide,
  type Side,
} from './call-sides.ts';

type Ports = readonly number[];

/** A face against what it replaces. */
export interface Case {
  readonly subject: string;
  readonly baseline: string;
  readonly concurrency: number;
  /** Calls of one measurement. */
  readonly calls: number;
  readonly rounds: number;
  /** Made from the upstream's ports. */
  readonly sides: Readonly<Record<'subject' | 'baseline', (ports: Ports) => Side | Promise<Side>>>;
}

const small = '/small';
const large = '/large';

const firstOf = (ports: Ports): number => ports[0] as number;
const plainUrl = (ports: Ports, path: string): string =>
  `http://127.0.0.1:${firstOf(ports)}${path}`;
const meshUrl = (path: string): string => `http://reviews${path}`;
/** What is off by default, switched on. */
const everyGuard: MeshOptions = {
  hedge: {},
  limit: { initialLimit: 200 },
  throttle: {},
  aperture: {},
  outlier: { probeIntervalMs: 5_000 },
  retry: { perTryTimeoutMs: 2_000 },
};

export function callCases(): readonly Case[] {
  const request = (concurrency: number, calls: number, rounds: number): Case => ({
    subject: 'mesh.request',
    baseline: 'Pool.request + bytes()',
    concurrency,
    calls,
    rounds,
    sides: {
      subject: async (ports) => requestSide(await benchMesh(ports.slice(0, 1)), small),
      baseline: (ports) => poolSide(firstOf(ports), small),
    },
  });
  const face = (subject: string, baseline: string, calls: number, sides: Case['sides']): Case => ({
    subject,
    baseline,
    concurrency: 50,
    calls,
    rounds: 21,
    sides,
  });
  return [
    request(1, 3_000, 31),
    request(50, 10_000, 21),
    request(256, 10_000, 21),
    face('mesh.request, every guard on', 'Pool.request + bytes()', 10_000, {
      subject: async (ports) => requestSide(await benchMesh(ports.slice(0, 1), everyGuard), small),
      baseline: (ports) => poolSide(firstOf(ports), small),
    }),
    face('mesh.request, 8 endpoints', 'Pool.request + bytes(), 8 pools in turn', 10_000, {
      subject: async (ports) => requestSide(await benchMesh(ports), small),
      baseline: (ports) => poolsSide(ports, small),
    }),
    face('mesh.fetch + text()', 'global fetch + text()', 4_000, {
      subject: async (ports) =>
        fetchTextSide((await benchMesh(ports.slice(0, 1))).fetch, meshUrl(small)),
      baseline: (ports) => fetchTextSide(globalThis.fetch, plainUrl(ports, small)),
    }),
    face('mesh.fetch + text(), 256 KiB', 'global fetch + text()', 800, {
      subject: async (ports) =>
        fetchTextSide((await benchMesh(ports.slice(0, 1))).fetch, meshUrl(large)),
      baseline: (ports) => fetchTextSide(globalThis.fetch, plainUrl(ports, large)),
    }),
    face('mesh.fetch, .body as a stream', 'global fetch, .body as a stream', 3_000, {
      subject: async (ports) =>
        fetchStreamSide((await benchMesh(ports.slice(0, 1))).fetch, meshUrl(small)),
      baseline: (ports) => fetchStreamSide(globalThis.fetch, plainUrl(ports, small)),
    }),
    face('mesh.fetch, .body as a stream, 256 KiB', 'global fetch, .body as a stream', 800, {
      subject: async (ports) =>
        fetchStreamSide((await benchMesh(ports.slice(0, 1))).fetch, meshUrl(large)),
      baseline: (ports) => fetchStreamSide(globalThis.fetch, plainUrl(ports, large)),
    }),
    face('meshAxios.get', 'axios, keep-alive agent', 4_000, {
      subject: async (ports) => meshAxiosSide(await benchMesh(ports.slice(0, 1)), small),
      baseline: (ports) => axiosSide(firstOf(ports), small, 50),
    }),
    face('meshAxios.get', 'axios + axios-retry + opossum', 4_000, {
      subject: async (ports) => meshAxiosSide(await benchMesh(ports.slice(0, 1)), small),
      baseline: (ports) => axiosStackSide(firstOf(ports), small, 50),
    }),
  ];
}
