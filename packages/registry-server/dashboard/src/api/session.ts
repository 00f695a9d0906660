import type { LoggedIn } from '@inmesh/core';
import { useSyncExternalStore } from '../ui/external-store.ts';

/** Who looks at the dashboard. */
export type Viewer =
  /** Asked and not answered yet. */
  | { readonly kind: 'unknown' }
  /** The registry wants to know who asks. */
  | { readonly kind: 'nobody' }
  /** The registry asks nobody: everybody may do everything. */
  | { readonly kind: 'everybody' }
  | { readonly kind: 'signed-in'; readonly login: LoggedIn };

let viewer: Viewer = { kind: 'unknown' };
const listeners = new Set<() => void>();

export function setViewer(next: Viewer): void {
  viewer = next;
  for (const listener of listeners) listener();
}

export function currentViewer(): Viewer {
  return viewer;
}

export function useViewer(): Viewer {
  return useSyncExternalStore(subscribe, currentViewer);
}

/** Whether the viewer may change things. The registry decides in the end; this only spares the try. */
export function useMayOperate(): boolean {
  const present = useViewer();
  return present.kind !== 'signed-in' || present.login.role === 'operator';
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
