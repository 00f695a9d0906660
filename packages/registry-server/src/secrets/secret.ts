import { readPrivate, writePrivate } from './private-file.ts';

/** Keys of the registry as one text, which whoever reads it can abuse. */
export interface Secret {
  /** Where it is kept, for messages. */
  readonly where: string;
  /** `undefined` when there is none yet. Throws `invalid_argument` for one that others could have read or written. */
  read(): Promise<string | undefined>;
  /** Replaces what was read or told last. Resolves when durable. Throws `conflict` when another server has replaced it. */
  replace(text: string): Promise<void>;
  /** Tells what another server has put in its place. Must not throw. */
  onReplaced(listener: (text: string) => void): void;
  close(): void;
}

/** Of one server alone: a file of mode 0600. */
export function createFileSecret(path: string): Secret {
  return {
    where: path,
    read: () => readPrivate(path),
    replace: (text) => writePrivate(path, text),
    onReplaced: () => {},
    close: () => {},
  };
}

/** Ends with the process. */
export function createPassingSecret(): Secret {
  return {
    where: 'memory',
    read: async () => undefined,
    replace: async () => {},
    onReplaced: () => {},
    close: () => {},
  };
}
