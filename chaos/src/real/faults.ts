import type { FaultProxy, NetworkFault } from '@inmesh/testing';
import type { ServiceProcess } from './service-process.ts';

/** What may be broken: the processes, and a proxy before each. The first of both is the victim. */
export interface Laboratory {
  readonly services: ServiceProcess[];
  readonly proxies: readonly FaultProxy[];
  /** Starts another process of the service, which registers. */
  startService(): Promise<ServiceProcess>;
}

/** Something that happens to one of the endpoints and is over after a while. */
export interface RealFault {
  readonly name: string;
  /** Whether callers find the endpoints by the registry, or fixed ones through the proxies. */
  readonly callers: 'registry' | 'proxies';
  begin(laboratory: Laboratory): void | Promise<void>;
  end(laboratory: Laboratory): void | Promise<void>;
}

export const faults: readonly RealFault[] = [
  {
    name: 'none',
    callers: 'registry',
    begin() {},
    end() {},
  },
  {
    name: 'kill -9, and a new process',
    callers: 'registry',
    begin: async ({ services }) => services[0]?.kill(),
    async end(laboratory) {
      const service = await laboratory.startService();
      laboratory.services[0] = service;
      if (laboratory.proxies[0] !== undefined) laboratory.proxies[0].target = service.port;
    },
  },
  {
    name: 'SIGSTOP, then SIGCONT',
    callers: 'registry',
    begin: ({ services }) => services[0]?.signal('SIGSTOP'),
    end: ({ services }) => services[0]?.signal('SIGCONT'),
  },
  {
    name: 'slow bodies: a byte each 50 ms',
    callers: 'registry',
    begin: ({ services }) => services[0]?.tell({ kind: 'slow-bodies' }),
    end: ({ services }) => services[0]?.tell({ kind: 'well' }),
  },
  network('connections cut', { kind: 'cut' }),
  network('half-open: a black hole', { kind: 'black-hole' }),
  network('100 ms each way', { kind: 'delay', delayMs: 100 }),
  network('answers drip: a byte each 20 ms', { kind: 'drip', intervalMs: 20 }),
];

function network(name: string, fault: NetworkFault): RealFault {
  const set = ({ proxies }: Laboratory, next: NetworkFault): void => {
    if (proxies[0] !== undefined) proxies[0].fault = next;
  };
  return {
    name,
    callers: 'proxies',
    begin: (laboratory) => set(laboratory, fault),
    end: (laboratory) => set(laboratory, { kind: 'none' }),
  };
}
