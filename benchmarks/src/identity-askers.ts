/**
 * Who asks the registry for certificates in the bench `identity`: a process of its own, since those
 * whose renewals are measured do not wait for it in a mesh either.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createCsr, createIdentity, generateKey } from '@inmesh/identity';
import { createRegistryEnroller } from '@inmesh/registry-client';
import { openLanes } from './identity-lanes.ts';
import { atRandom, begin } from './pace.ts';
import { encodeRequest, type Sent } from './registry-load.ts';

/** Over connections that stay open: `certificate`, `look-up`. Over one of its own for each: `join`, and `visit` to ask for no certificate. */
export type Asking = 'certificate' | 'look-up' | 'join' | 'visit';

interface Order {
  readonly asking: Asking;
  /** At random times. @default as fast as they are answered, `concurrency` at a time */
  readonly perSecond?: number;
  readonly durationMs: number;
}

export interface Askers {
  /** Resolves when all are answered, with how many a second there were. */
  ask(order: Order): Promise<number>;
  stop(): void;
}

export interface Address {
  readonly url: string;
  /** For joining. */
  readonly token: string;
}

export const spiffeId = 'spiffe://cluster.local/ns/default/sa/bench';
/** Requests in flight where it is measured how many there can be. */
export const concurrency = 8;

export async function startAskers(address: Address): Promise<Askers> {
  const child = fork(fileURLToPath(import.meta.url), [], { stdio: 'inherit' });
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`those who ask exited with ${code}`);
  });
  exited.catch(() => {}); // once it is stopped nobody waits for it
  const answer = async (): Promise<number> => {
    const [message] = await Promise.race([once(child, 'message'), exited]);
    return message as number;
  };
  child.send(address);
  await answer();
  return {
    ask(order) {
      child.send(order);
      return answer();
    },
    stop: () => void child.kill(),
  };
}

/** Takes orders from the parent process. */
async function serve({ url, token }: Address): Promise<void> {
  // They are on other machines in a mesh: here they must not take the processor from the registry.
  setPriority(10);
  const enroller = createRegistryEnroller({ servers: url, joinToken: token });
  const identity = createIdentity({ enroller, spiffeId });
  await identity.ready();
  const address = new URL(url);
  const lanes = await openLanes(address, identity, concurrency);
  // Keys are the clients' business.
  const csr = createCsr(generateKey(), spiffeId);
  const request = (sent: Sent): Buffer => encodeRequest(address, sent);
  const certificate = request({ method: 'POST', path: '/v1/certificates', body: { csr } });
  const lookUp = request({ method: 'GET', path: '/v1/trust-bundle' });
  const come = async (sent: Buffer): Promise<void> => {
    const own = await openLanes(address, identity, 1);
    await own.send(sent);
    own.close();
  };
  const works: Record<Asking, () => Promise<void>> = {
    certificate: () => lanes.send(certificate),
    'look-up': () => lanes.send(lookUp),
    join: () => come(certificate),
    visit: () => come(lookUp),
  };
  process.on('message', async (order) => {
    const { asking, perSecond, durationMs } = order as Order;
    const work = works[asking];
    const startedAt = performance.now();
    const count =
      perSecond === undefined
        ? await saturate(work, durationMs)
        : (await begin(work, perSecond, atRandom, durationMs)).length;
    process.send?.((count * 1_000) / (performance.now() - startedAt));
  });
  process.send?.(0);
}

async function saturate(work: () => Promise<unknown>, durationMs: number): Promise<number> {
  let count = 0;
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    for (; performance.now() - startedAt < durationMs; count += 1) await work();
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return count;
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('disconnect', () => process.exit());
  process.once('message', (address) => void serve(address as Address));
}
