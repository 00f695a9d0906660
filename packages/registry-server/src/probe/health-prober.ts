import type { Clock, HealthProbe, Logger, Random, Timer } from '@inmesh/core';
import type { EndpointRecord } from '../state/endpoint-record.ts';
import type { EndpointTable } from '../state/endpoint-table.ts';
import type { StateObserver } from '../state/state-observer.ts';
import {
  type ProbeInFlight,
  type ProbeResult,
  type ProbeTarget,
  sendProbe,
} from './probe-request.ts';
import { type ProbePlan, ProbeVerdict, probePlan } from './probe-verdict.ts';

export interface HealthProberOptions {
  readonly endpoints: EndpointTable;
  /** Called when the verdict on an endpoint changed. */
  readonly report: (record: EndpointRecord, healthy: boolean) => void;
  /** Probes at once; the others wait their turn. */
  readonly maxConcurrent: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface Probed {
  readonly record: EndpointRecord;
  /** What it was made from: when the registration says otherwise, it is made anew. */
  readonly probe: HealthProbe;
  readonly plan: ProbePlan;
  readonly verdict: ProbeVerdict;
  timer: Timer | undefined;
  inFlight: ProbeInFlight | undefined;
}

/** While it is active, probes the endpoints that ask for it, each at its own interval, and tells what it finds. */
export class HealthProber implements StateObserver {
  readonly #options: HealthProberOptions;
  readonly #probed = new Map<string, Probed>();
  /** Due, in order, waiting for a place. */
  readonly #waiting = new Set<Probed>();
  #running = 0;
  #active = false;

  constructor(options: HealthProberOptions) {
    this.#options = options;
  }

  /** Begins with all endpoints, or leaves them to another server. */
  setActive(active: boolean): void {
    if (this.#active === active) return;
    this.#active = active;
    if (active) for (const record of this.#options.endpoints.all()) this.endpointRegistered(record);
    else this.close();
  }

  endpointRegistered(record: EndpointRecord): void {
    if (!this.#active) return;
    const known = this.#probed.get(record.id);
    if (known !== undefined) {
      if (known.record === record && sameProbe(known.probe, record.probe)) return;
      this.#drop(known);
    }
    if (record.probe === undefined) return;
    const plan = probePlan(record.probe);
    const probed: Probed = {
      record,
      probe: record.probe,
      plan,
      verdict: new ProbeVerdict(plan, record.healthy),
      timer: undefined,
      inFlight: undefined,
    };
    this.#probed.set(record.id, probed);
    // Spread over the interval: a fleet that came at once must not be probed at once for ever.
    this.#schedule(probed, plan.intervalMs * this.#options.random());
  }

  endpointRemoved(record: EndpointRecord): void {
    const known = this.#probed.get(record.id);
    if (known !== undefined) this.#drop(known);
  }

  close(): void {
    for (const probed of this.#probed.values()) this.#drop(probed);
  }

  #drop(probed: Probed): void {
    this.#probed.delete(probed.record.id);
    this.#waiting.delete(probed);
    probed.timer?.cancel();
    probed.inFlight?.cancel();
  }

  #schedule(probed: Probed, delayMs: number): void {
    probed.timer = this.#options.clock.setTimer(() => {
      this.#waiting.add(probed);
      this.#startWaiting();
    }, delayMs);
  }

  #startWaiting(): void {
    for (const probed of this.#waiting) {
      if (this.#running >= this.#options.maxConcurrent) return;
      this.#waiting.delete(probed);
      this.#start(probed);
    }
  }

  #start(probed: Probed): void {
    const target = probeTarget(probed);
    if (target === undefined) return;
    this.#running += 1;
    probed.inFlight = sendProbe(target, this.#options.clock);
    // `result` never rejects.
    void probed.inFlight.result.then((result) => {
      this.#running -= 1;
      probed.inFlight = undefined;
      if (this.#probed.get(probed.record.id) === probed) {
        this.#settle(probed, result);
        this.#schedule(probed, probed.plan.intervalMs);
      }
      this.#startWaiting();
    });
  }

  #settle(probed: Probed, result: ProbeResult): void {
    const { record, verdict } = probed;
    const healthy = verdict.record(result);
    if (healthy === record.healthy) return;
    const fields = { endpoint: record.id, service: record.service.service, healthy };
    this.#options.logger.info(fields, 'health probe changed its verdict');
    this.#options.report(record, healthy);
  }
}

/** The address is read anew each time: a registration may have changed it. */
function probeTarget({ record, probe, plan }: Probed): ProbeTarget | undefined {
  const { address, ports } = record.declared;
  const port = probe.port === undefined ? ports[0] : ports.find(({ name }) => name === probe.port);
  if (port === undefined) return undefined;
  return { address, port: port.port, path: plan.path, timeoutMs: plan.timeoutMs };
}

function sameProbe(a: HealthProbe, b: HealthProbe | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
