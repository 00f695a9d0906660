import { type Clock, type Locality, type Random, staticEndpoint } from '@inmesh/core';
import { seededRandom } from '@inmesh/testing';
import { Recorder } from './recorder.ts';
import { exponential, type ServiceTime } from './service-time.ts';
import type { Deliver } from './simulated-attempt.ts';
import { type Follow, SimulatedClient, type SimulatedClientOptions } from './simulated-client.ts';
import { type Handler, SimulatedEndpoint } from './simulated-endpoint.ts';
import { SimulatedRegistry } from './simulated-registry.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly seconds: number;
  /** The service whose attempts are counted, by its short name. */
  readonly recorded: string;
  /** What the clients' policies read the time from. @default the virtual clock, monotonic */
  readonly clientClock?: (clock: VirtualClock) => Clock;
  /** Share of the renewals that never reach the registry. @default 0 */
  readonly renewalLossRatio?: number;
}

export interface ServiceOptions {
  readonly count: number;
  readonly serviceTime: ServiceTime;
  readonly workers?: number;
  readonly maxInFlight?: number | 'adaptive';
  /** Endpoints are dealt out over them in turn. @default none */
  readonly zones?: readonly string[];
  /** Made per endpoint: it may have a client of its own. */
  readonly handler?: (index: number) => Handler;
}

export interface LoadOptions {
  readonly service: string;
  /** Calls a second of each client, at a time in seconds; Poisson arrivals. */
  readonly perClient: (second: number) => number;
}

/** One way within a zone: about a quarter of a millisecond; between zones a whole one more. */
const withinZone = exponential(0.1);
const withinZoneMs = 0.15;
const betweenZonesMs = 1;

/** Everything that one variant of a scenario is played in. All chance comes from the seed. */
export class World {
  readonly clock: VirtualClock = createVirtualClock();
  readonly recorder: Recorder;
  readonly registry: SimulatedRegistry;
  readonly #options: WorldOptions;
  readonly #clientClock: Clock;
  readonly #network: Random;
  readonly #processes = new Map<string, SimulatedEndpoint>();
  #streams = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.recorder = new Recorder(options.seconds, serviceName(options.recorded));
    this.#clientClock = options.clientClock?.(this.clock) ?? this.clock;
    this.#network = this.random();
    this.registry = new SimulatedRegistry({
      clock: this.clock,
      random: this.random(),
      renewalLossRatio: options.renewalLossRatio ?? 0,
    });
  }

  /** A stream of its own for everybody, so that what one draws does not shift what another does. */
  random(): Random {
    this.#streams += 1;
    return seededRandom(this.#options.seed * 7_919 + this.#streams * 104_729);
  }

  service(name: string, options: ServiceOptions): SimulatedEndpoint[] {
    const { count, serviceTime, workers, maxInFlight, zones, handler } = options;
    return Array.from({ length: count }, (_, index) => {
      const zone = zones?.[index % zones.length];
      const endpoint = staticEndpoint(serviceName(name), {
        address: `10.0.${index >> 8}.${index & 255}`,
        port: 8080,
        ...(zone === undefined ? {} : { locality: inZone(zone) }),
      });
      const process = new SimulatedEndpoint({
        endpoint,
        clock: this.clock,
        random: this.random(),
        serviceTime,
        workers,
        maxInFlight,
        handler: handler?.(index),
      });
      this.#processes.set(endpoint.id, process);
      this.registry.register(process);
      return process;
    });
  }

  /** @param follow Where it learns its endpoints. @default the registry */
  client(
    options: SimulatedClientOptions,
    follow: Follow = (service, listener) => this.registry.follow(service, listener),
  ): SimulatedClient {
    const { recorder } = this;
    return new SimulatedClient(options, {
      clock: this.#clientClock,
      random: this.random(),
      deliver: this.#deliverFrom(options.locality),
      follow,
      onEvent: (event) => recorder.happened(event),
    });
  }

  /** Lets every client call on its own, and records what becomes of it. */
  load(clients: readonly SimulatedClient[], { service, perClient }: LoadOptions): void {
    const { clock, recorder } = this;
    for (const client of clients) {
      const random = this.random();
      const next = (): void => {
        const rate = perClient(clock.now() / 1_000);
        clock.setTimer(
          () => {
            const startedAt = clock.now();
            recorder.callStarted(startedAt);
            client.call(serviceName(service), undefined, (end) =>
              recorder.callEnded(end, startedAt, clock.now()),
            );
            next();
          },
          exponential(1_000 / rate)(random),
        );
      };
      next();
    }
  }

  /** Does `action` at `second`. */
  at(second: number, action: () => void): void {
    this.clock.setTimer(action, second * 1_000);
  }

  run(): Recorder {
    this.clock.run(this.#options.seconds * 1_000);
    return this.recorder;
  }

  #deliverFrom(locality: Locality | undefined): Deliver {
    const { clock, recorder } = this;
    return (endpoint, headers, onReply) => {
      recorder.attemptSent(endpoint, clock.now());
      const far = locality !== undefined && locality.zone !== endpoint.locality.zone;
      const oneWay = (): number =>
        withinZoneMs + withinZone(this.#network) + (far ? betweenZonesMs : 0);
      const process = this.#processes.get(endpoint.id) as SimulatedEndpoint;
      clock.setTimer(
        () =>
          process.arrive({
            headers,
            reply: (reply) => clock.setTimer(() => onReply(reply), oneWay()),
          }),
        oneWay(),
      );
    };
  }
}

export function serviceName(name: string): string {
  return `${name}.default`;
}

export function inZone(zone: string): Locality {
  return { region: 'region', zone, subzone: '' };
}
