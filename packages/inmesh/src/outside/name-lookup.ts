import { lookup } from 'node:dns/promises';

/** The addresses that a name stands for, IP literals. Rejects when there are none. */
export type NameLookup = (name: string) => Promise<readonly string[]>;

/** Lookups block threads that files and cryptography need too, of which Node has four. */
const maxConcurrent = 2;
/** A name with more addresses than this is used by its first ones. */
const maxAddresses = 256;

/** The system's own look-up, `hosts` file included. IPv6 only where there is no IPv4, as Istio has it. */
export const systemLookup: NameLookup = async (name) => {
  const found = await lookup(name, { all: true });
  const v4 = found.filter(({ family }) => family === 4);
  return (v4.length > 0 ? v4 : found).map(({ address }) => address);
};

/** At most two at a time, and the same addresses always in the same order. */
export function limitLookups(look: NameLookup): NameLookup {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (name) => {
    if (running >= maxConcurrent) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      const addresses = await look(name);
      return [...new Set(addresses)].sort().slice(0, maxAddresses);
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
