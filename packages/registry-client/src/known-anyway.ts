import type { RegistrationHandle } from './registration.ts';

/** What a source gives whose endpoints are known without being registered: nobody is told anything. */
export function knownAnyway(id: string): RegistrationHandle {
  const done = (): Promise<void> => Promise.resolve();
  return {
    id,
    state: { kind: 'registered', revision: '' },
    update: done,
    drain: done,
    deregister: done,
  };
}
