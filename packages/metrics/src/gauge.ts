import type { Unsubscribe } from '@inmesh/core';
import { MeshError } from '@inmesh/core';
import { labelText } from './label-text.ts';

/** Samples of one gauge that are read; what it reports beyond is counted, not kept. */
const maxSamples = 1_000;
const maxGauges = 200;

/** Tells one value of a gauge. Labels keep their order; a name is `[a-z_]+`, an empty value is left out. */
export type ReportSample = (value: number, labels?: Readonly<Record<string, string>>) => void;

/** Something that others know and metrics show: pool use, the age of an endpoint list, a certificate's life. */
export interface Gauge {
  /** Starts with `inmesh_`, ends in its unit where it has one (`inmesh_registry_age_seconds`). */
  readonly name: string;
  /** One line, for people. */
  readonly help: string;
  /** `counter` for what only grows; its name ends in `_total`. @default 'gauge' */
  readonly type?: 'gauge' | 'counter';
  /** Called at every scrape: synchronous and quick. One that throws is left out and counted. */
  read(report: ReportSample): void;
}

export interface GaugeSample {
  readonly value: number;
  readonly labels: readonly (readonly [name: string, value: string])[];
}

const gaugeName = /^inmesh_[a-z][a-z0-9_]{0,99}$/;
const labelName = /^[a-z_]{1,40}$/;

export class GaugeRegistry {
  readonly #gauges = new Map<string, Gauge>();
  #failures = 0;

  /** Throws `invalid_argument` for a name that is not valid, `conflict` for one that is taken. */
  add(gauge: Gauge): Unsubscribe {
    const { name, type } = gauge;
    if (!gaugeName.test(name) || (type === 'counter') !== name.endsWith('_total')) {
      throw new MeshError(
        'invalid_argument',
        `gauge ${JSON.stringify(name)} must start with inmesh_ and be of a-z, 0-9 and '_'; a counter, and only one, ends in _total`,
      );
    }
    if (this.#gauges.has(name) || this.#gauges.size >= maxGauges) {
      const why = this.#gauges.has(name) ? 'is there already' : `is one too many (${maxGauges})`;
      throw new MeshError('conflict', `gauge ${name} ${why}: remove one first`);
    }
    this.#gauges.set(name, gauge);
    return () => {
      if (this.#gauges.get(name) === gauge) this.#gauges.delete(name);
    };
  }

  all(): IterableIterator<Gauge> {
    return this.#gauges.values();
  }

  /** The samples of one gauge, checked; none when it throws. */
  read(gauge: Gauge): readonly GaugeSample[] {
    const samples = new Map<string, GaugeSample>();
    try {
      gauge.read((value, labels) => this.#add(samples, value, labels));
    } catch {
      this.#failures += 1;
      return [];
    }
    return [...samples.values()];
  }

  /** Gauges that threw and samples that were refused, since the start. */
  get failures(): number {
    return this.#failures;
  }

  clear(): void {
    this.#gauges.clear();
  }

  #add(
    samples: Map<string, GaugeSample>,
    value: number,
    labels: Readonly<Record<string, string>> = {},
  ): void {
    const pairs: [string, string][] = [];
    for (const [name, text] of Object.entries(labels)) {
      if (text !== '' && labelName.test(name)) pairs.push([name, labelText(text)]);
    }
    const key = JSON.stringify(pairs);
    if (typeof value !== 'number' || samples.has(key) || samples.size >= maxSamples) {
      this.#failures += 1;
      return;
    }
    samples.set(key, { value, labels: pairs });
  }
}
