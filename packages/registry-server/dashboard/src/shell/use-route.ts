import { useSyncExternalStore } from '../ui/external-store.ts';
import { parseRoute, type Route } from './route.ts';

let hash: string | undefined;
let route = parseRoute('');

/** Where the dashboard is; changes with the address. */
export function useRoute(): Route {
  return useSyncExternalStore(subscribe, read);
}

/** Goes to `to` (made by `href`). `replace` leaves no step to go back to. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) {
    history.replaceState(null, '', to);
    dispatchEvent(new HashChangeEvent('hashchange'));
  } else {
    location.hash = to;
  }
}

/** One object per address, so that components see a change only where there is one. */
function read(): Route {
  if (location.hash !== hash) {
    hash = location.hash;
    route = parseRoute(hash);
  }
  return route;
}

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}
