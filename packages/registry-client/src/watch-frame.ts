import type {
  ConfigKey,
  ConfigResource,
  ConfigRevision,
  Endpoint,
  ServiceName,
  TapOrder,
  TrustState,
  WatchEvent,
  WireRevision,
} from '@inmesh/core';
import { ConfigFault, checkConfigRevision, checkResources } from './config-check.ts';
import { checkEndpoint, checkEndpointId, EndpointFault } from './endpoint-check.ts';
import type { SseEvent } from './sse-parser.ts';
import { isTapOrder } from './tap-check.ts';

/** What a snapshot or a delta says of endpoints, as far as it can be read. */
export interface ToldEndpoints {
  readonly endpoints: readonly Endpoint[];
  /** Endpoints that are there but cannot be read: what was known of them stays. */
  readonly unreadable: readonly string[];
  /** Whether every entry had an id. Without it, an absent id proves nothing. */
  readonly complete: boolean;
  /** What is wrong with the entries left out, for the log. */
  readonly faults: readonly string[];
}

export interface SnapshotFrame extends ToldEndpoints {
  readonly kind: 'snapshot';
  readonly service: ServiceName;
  readonly revision: WireRevision;
  readonly known: boolean;
}

export interface DeltaFrame extends ToldEndpoints {
  readonly kind: 'delta';
  readonly service: ServiceName;
  readonly from: WireRevision;
  readonly revision: WireRevision;
  readonly removes: readonly string[];
}

export type HelloFrame = Extract<WatchEvent, { kind: 'hello' }>;

export interface ConfigSnapshotFrame {
  readonly kind: 'config-snapshot';
  readonly revision: ConfigRevision;
  readonly resources: ReadonlyMap<ConfigKey, ConfigResource>;
}

export interface ConfigDeltaFrame {
  readonly kind: 'config-delta';
  readonly from: ConfigRevision;
  readonly revision: ConfigRevision;
  readonly upserts: ReadonlyMap<ConfigKey, ConfigResource>;
  readonly removes: readonly ConfigKey[];
}

export type WatchFrame =
  | HelloFrame
  | SnapshotFrame
  | DeltaFrame
  | ConfigSnapshotFrame
  | ConfigDeltaFrame
  | ({ readonly kind: 'trust' } & TrustState)
  | { readonly kind: 'taps'; readonly taps: readonly TapOrder[] }
  | { readonly kind: 'settled' }
  | { readonly kind: 'goodbye' };

/** A frame that cannot be used at all: something was said that is lost now. */
export class FrameFault extends Error {}

/** Each costs calls a little: so many at once are nobody looking. */
const maxTaps = 100;

type Fields = Readonly<Record<string, unknown>>;

/** One reader per kind. What is not here is of a newer protocol and none of our business. */
const readers: ReadonlyMap<string, (fields: Fields) => WatchFrame> = new Map<
  string,
  (fields: Fields) => WatchFrame
>([
  ['hello', readHello],
  ['snapshot', readSnapshot],
  ['delta', readDelta],
  ['config-snapshot', whole(readConfigSnapshot)],
  ['config-delta', whole(readConfigDelta)],
  ['trust', readTrust],
  ['taps', readTaps],
  ['settled', () => ({ kind: 'settled' })],
  ['goodbye', () => ({ kind: 'goodbye' })],
]);

/** Reads one event of the stream; `undefined` for a kind that this version does not know. Throws `FrameFault`. */
export function readFrame(event: SseEvent): WatchFrame | undefined {
  const reader = readers.get(event.event);
  if (reader === undefined) return undefined;
  return reader(parseObject(event.data));
}

function readHello(fields: Fields): HelloFrame {
  const keepAliveMs = fields.keepAliveMs;
  // A watchdog is made of it: too short cuts good streams, too long never notices a dead one.
  if (typeof keepAliveMs !== 'number' || !(keepAliveMs >= 10 && keepAliveMs <= 600_000)) {
    throw new FrameFault('keepAliveMs is not within 10..600000');
  }
  return {
    kind: 'hello',
    epoch: text(fields.epoch, 'epoch'),
    settling: flag(fields.settling, 'settling'),
    resumed: flag(fields.resumed, 'resumed'),
    keepAliveMs,
  };
}

/** The roots are parsed by whoever trusts them. */
function readTrust(fields: Fields): Extract<WatchFrame, { kind: 'trust' }> {
  const revoked = list(fields.revoked, 'revoked');
  for (const serial of revoked) {
    if (!/^[0-9a-f]{1,40}$/.test(text(serial, 'revoked'))) {
      throw new FrameFault('revoked has what is no serial');
    }
  }
  if (typeof fields.bundle !== 'string' || fields.bundle === '') {
    throw new FrameFault('bundle is not a text');
  }
  return { kind: 'trust', bundle: fields.bundle, revoked: revoked as string[] };
}

function readTaps(fields: Fields): Extract<WatchFrame, { kind: 'taps' }> {
  const taps = list(fields.taps, 'taps');
  if (taps.length > maxTaps || !taps.every(isTapOrder)) {
    throw new FrameFault('taps has what is no order that may be followed');
  }
  return { kind: 'taps', taps };
}

function readSnapshot(fields: Fields): SnapshotFrame {
  const service = text(fields.service, 'service');
  return {
    kind: 'snapshot',
    service,
    revision: text(fields.revision, 'revision'),
    known: flag(fields.known, 'known'),
    ...readEndpoints(list(fields.endpoints, 'endpoints'), service),
  };
}

function readDelta(fields: Fields): DeltaFrame {
  const service = text(fields.service, 'service');
  const removes = list(fields.removes, 'removes');
  for (const id of removes) text(id, 'removes');
  return {
    kind: 'delta',
    service,
    from: text(fields.from, 'from'),
    revision: text(fields.revision, 'revision'),
    removes: removes as string[],
    ...readEndpoints(list(fields.upserts, 'upserts'), service),
  };
}

function readConfigSnapshot(fields: Fields): ConfigSnapshotFrame {
  return {
    kind: 'config-snapshot',
    revision: checkConfigRevision(fields.revision),
    resources: checkResources(fields.resources),
  };
}

function readConfigDelta(fields: Fields): ConfigDeltaFrame {
  const removes = list(fields.removes, 'removes');
  for (const key of removes) text(key, 'removes');
  return {
    kind: 'config-delta',
    from: checkConfigRevision(fields.from),
    revision: checkConfigRevision(fields.revision),
    upserts: checkResources(fields.upserts),
    removes: removes as string[],
  };
}

function whole<F extends WatchFrame>(read: (fields: Fields) => F): (fields: Fields) => F {
  return (fields) => {
    try {
      return read(fields);
    } catch (error) {
      if (error instanceof ConfigFault) throw new FrameFault(error.message, { cause: error });
      throw error;
    }
  };
}

/** Reads what can be read of `values`; nothing in them makes it throw. */
export function readEndpoints(values: readonly unknown[], service: ServiceName): ToldEndpoints {
  const endpoints: Endpoint[] = [];
  const unreadable: string[] = [];
  const faults: string[] = [];
  let complete = true;
  for (const value of values) {
    try {
      endpoints.push(checkEndpoint(value, service));
    } catch (error) {
      if (!(error instanceof EndpointFault)) throw error;
      faults.push(error.message);
      const id = idOf(value);
      if (id === undefined) complete = false;
      else unreadable.push(id);
    }
  }
  return { endpoints, unreadable, complete, faults };
}

function idOf(value: unknown): string | undefined {
  try {
    return checkEndpointId((value as { id?: unknown } | null)?.id);
  } catch {
    return undefined;
  }
}

function parseObject(data: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    throw new FrameFault('data is not JSON', { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new FrameFault('data is not an object');
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= 512) return value;
  throw new FrameFault(`${what} is not a text of 1 to 512 characters`);
}

function flag(value: unknown, what: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new FrameFault(`${what} is not true or false`);
}

function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new FrameFault(`${what} is not a list`);
}
