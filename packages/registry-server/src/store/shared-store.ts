import type { Revision, Store, StoreWrite, Unsubscribe } from '@inmesh/core';

/** A write whose entry may hang on a lease: it is deleted when the lease ends. */
export type SharedWrite =
  | (Extract<StoreWrite, { kind: 'put' }> & { readonly lease?: string })
  | Exclude<StoreWrite, { kind: 'put' }>;

/** A store that several servers share. */
export interface SharedStore extends Store {
  commit(writes: readonly SharedWrite[]): Promise<Revision>;
  /**
   * Whether the store could be reached and had a majority when it was last asked. While it is
   * away operations throw `store_unavailable`, and watches go on when it is back.
   */
  readonly available: boolean;
  /** Told when `available` changes. Must not throw. */
  onAvailability(listener: (available: boolean) => void): Unsubscribe;
  /** A lease that ends unless it is renewed within `ttlMs` (rounded up to seconds); gives its name. */
  grantLease(ttlMs: number): Promise<string>;
  /** `false`: the lease has ended. */
  renewLease(lease: string): Promise<boolean>;
  /** Ends the lease, and what hangs on it. */
  revokeLease(lease: string): Promise<void>;
}
