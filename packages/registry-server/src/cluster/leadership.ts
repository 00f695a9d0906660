import type { Unsubscribe } from '@inmesh/core';

/** Whether this server does the work that one server does at a time: probing, rollouts, new root keys. */
export interface Leadership {
  readonly leading: boolean;
  /** Told when it changes. Must not throw. */
  onChange(listener: (leading: boolean) => void): Unsubscribe;
}

/** A server that is alone leads. */
export const alwaysLeading: Leadership = Object.freeze({
  leading: true,
  onChange: () => () => {},
});
