/** What the v3 JSON gateway of etcd takes and gives, as far as it is used here: int64 as text, bytes as base64, zero values left out. */
interface EtcdHeader {
  readonly cluster_id: string;
  /** Of the store. */
  readonly revision?: string;
}

export interface EtcdKeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
}

export interface RangeAnswer {
  readonly header: EtcdHeader;
  readonly kvs?: readonly EtcdKeyValue[];
  readonly more?: boolean;
}

export interface TxnAnswer {
  readonly header: EtcdHeader;
  readonly succeeded?: boolean;
  /** Of the operations that were done: here the look-ups that say why nothing was written. */
  readonly responses?: readonly { readonly response_range?: RangeAnswer }[];
}

export interface EtcdEvent {
  /** Absent for a put. */
  readonly type?: 'DELETE';
  readonly kv: EtcdKeyValue;
}

export interface WatchAnswer {
  readonly header: EtcdHeader;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly cancel_reason?: string;
  readonly compact_revision?: string;
  readonly events?: readonly EtcdEvent[];
}

export interface LeaseAnswer {
  readonly ID: string;
  /** Seconds. Absent: there is no such lease. */
  readonly TTL?: string;
}

export function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

export function decode(base64: string | undefined): string {
  return base64 === undefined ? '' : Buffer.from(base64, 'base64').toString();
}

/** The keys that begin with `prefix`, as etcd names ranges. `prefix` is ASCII and not empty. */
export function prefixRange(prefix: string): { key: string; range_end: string } {
  const last = prefix.charCodeAt(prefix.length - 1);
  const end = prefix.slice(0, -1) + String.fromCharCode(last + 1);
  return { key: encode(prefix), range_end: encode(end) };
}
