/** One try to write, and what was heard of it. Milliseconds, monotonic. */
export interface WriteTry {
  readonly key: string;
  /** Unique. */
  readonly value: string;
  readonly from: number;
  readonly to: number;
  /** The number of the configuration that it made; `undefined`: it may have been made, or not. */
  readonly revision: number | undefined;
}

/** The whole configuration, as one server showed it. */
export interface ConfigReading {
  readonly server: string;
  readonly from: number;
  readonly to: number;
  readonly revision: number;
  /** By key. */
  readonly values: ReadonlyMap<string, string>;
}

/**
 * Looks in what many writers and readers saw for an order that no single store could have made.
 * Readers may be late, as servers hear of commits by a watch, but each server only goes forward. Gives
 * what it finds, in words.
 */
export function faultsInConfig(
  tries: readonly WriteTry[],
  readings: readonly ConfigReading[],
): string[] {
  const acknowledged = tries
    .filter((write): write is Acknowledged => write.revision !== undefined)
    .sort((a, b) => a.revision - b.revision);
  return [
    ...faultsInOrder(acknowledged),
    ...faultsInValues(tries, acknowledged, readings),
    ...faultsInVersions(readings),
    ...faultsInProgress(readings),
  ];
}

type Acknowledged = WriteTry & { readonly revision: number };

/** What was acknowledged before another began comes before it, and nothing is acknowledged twice. */
function faultsInOrder(acknowledged: readonly Acknowledged[]): string[] {
  const faults: string[] = [];
  let latest: Acknowledged | undefined;
  let before: Acknowledged | undefined;
  for (const write of acknowledged) {
    if (before?.revision === write.revision) {
      faults.push(`${before.value} and ${write.value} were both acknowledged as ${write.revision}`);
    }
    if (latest !== undefined && write.to < latest.from) {
      faults.push(
        `${write.value} was acknowledged before ${latest.value} began, and came after it (${latest.revision}, ${write.revision})`,
      );
    }
    if (latest === undefined || write.from > latest.from) latest = write;
    before = write;
  }
  return faults;
}

/** At each revision a key has what was written last up to it, or what may have been written since. */
function faultsInValues(
  tries: readonly WriteTry[],
  acknowledged: readonly Acknowledged[],
  readings: readonly ConfigReading[],
): string[] {
  const faults: string[] = [];
  const byValue = new Map(tries.map((write) => [write.value, write]));
  const keys = new Set(tries.map(({ key }) => key));
  for (const { server, revision, values, to } of readings) {
    for (const key of keys) {
      const last = lastUpTo(acknowledged, key, revision);
      const value = values.get(key);
      if (value === last?.value) continue;
      const found = value === undefined ? undefined : byValue.get(value);
      const what = `${server} showed ${value ?? 'nothing'} for ${key} at ${revision}`;
      if (found === undefined || found.key !== key) {
        faults.push(`${what}, where ${last?.value ?? 'nothing'} was written`);
      } else if (found.revision !== undefined) {
        faults.push(
          `${what}, where ${last?.value ?? 'nothing'} was written; it is of ${found.revision}`,
        );
      } else if (found.from > to) {
        faults.push(`${what} before it was written`);
      }
    }
  }
  return faults;
}

function lastUpTo(
  acknowledged: readonly Acknowledged[],
  key: string,
  revision: number,
): Acknowledged | undefined {
  return acknowledged.findLast((write) => write.key === key && write.revision <= revision);
}

/** One revision is one configuration, whoever shows it, and what was replaced never comes back. */
function faultsInVersions(readings: readonly ConfigReading[]): string[] {
  const faults: string[] = [];
  const shown = new Map<string, ConfigReading>();
  const replaced = new Set<string>();
  for (const reading of [...readings].sort((a, b) => a.revision - b.revision)) {
    for (const [key, value] of reading.values) {
      const before = shown.get(key);
      const old = before?.values.get(key);
      if (before === undefined || old === value) continue;
      const what = `${reading.server} showed ${value} for ${key} at ${reading.revision}`;
      if (before.revision === reading.revision) faults.push(`${what}, and ${before.server} ${old}`);
      else if (replaced.has(value)) faults.push(`${what}: it came back`);
      else if (old !== undefined) replaced.add(old);
    }
    for (const key of reading.values.keys()) shown.set(key, reading);
  }
  return faults;
}

/** A server that has shown a revision never shows an older one, whether it was started again or not. */
function faultsInProgress(readings: readonly ConfigReading[]): string[] {
  const faults: string[] = [];
  const newest = new Map<string, ConfigReading>();
  for (const reading of [...readings].sort((a, b) => a.from - b.from)) {
    const before = newest.get(reading.server);
    if (before !== undefined && before.to <= reading.from && reading.revision < before.revision) {
      faults.push(`${reading.server} went back from ${before.revision} to ${reading.revision}`);
    }
    if (before === undefined || reading.revision > before.revision) {
      newest.set(reading.server, reading);
    }
  }
  return faults;
}
