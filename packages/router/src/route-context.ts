import type { Destination, VirtualService } from '@inmesh/config';
import type { Workload } from '@inmesh/core';
import type { ForwardTarget } from './forward-action.ts';
import type { HostName } from './host-name.ts';

/** What a resource's `destination` means. */
type DestinationTarget = Pick<ForwardTarget, 'service' | 'subset' | 'port'>;

/** What the routes of one resource share while they are compiled. */
export interface RouteContext {
  readonly resource: VirtualService;
  readonly workload: Workload | undefined;
  readonly problems: string[];
  /** Understands a host by the resource's namespace. */
  hostOf(host: string): HostName;
  /** Finds a destination and notes that the resource depends on it. */
  target(destination: Destination, path: string): DestinationTarget;
}
