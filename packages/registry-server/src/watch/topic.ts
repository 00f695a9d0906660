import type { ServiceName } from '@inmesh/core';
import type { Watcher } from './watcher.ts';

/** One service that at least one open stream carries. */
export interface Topic {
  readonly service: ServiceName;
  readonly followers: Set<Watcher>;
  /** The revision of the service that its followers were told last. */
  published: number;
  /** The first revision that they were not told yet; only meaningful while the topic is dirty. */
  firstUnpublished: number;
  /** The service as it was published last, encoded, for everybody who needs it whole. */
  snapshot: Buffer | undefined;
}
