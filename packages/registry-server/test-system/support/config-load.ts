import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigReading, WriteTry } from './config-history.ts';

/** Writers and readers of the configuration, at all servers, and what they saw. */
export interface ConfigLoad {
  readonly tries: readonly WriteTry[];
  readonly readings: readonly ConfigReading[];
  /** The answers to writes other than 200, by the code of the problem. */
  readonly refusals: ReadonlyMap<string, number>;
  /** The newest revision that was acknowledged to anybody. */
  readonly acknowledged: number;
  /** The revision that a server shows. Throws when it cannot be asked. */
  revisionAt(url: string): Promise<number>;
  stop(): Promise<void>;
}

export interface ConfigServer {
  readonly name: string;
  readonly url: string;
}

const keys = ['first', 'second'];
/** Each key has two, who know nothing of each other. */
const writersPerKey = 2;
const writePauseMs = 200;
const readPauseMs = 250;
const timeoutMs = 10_000;

export function startConfigLoad(servers: () => readonly ConfigServer[]): ConfigLoad {
  const tries: WriteTry[] = [];
  const readings: ConfigReading[] = [];
  const refusals = new Map<string, number>();
  let acknowledged = 0;
  let stopped = false;

  const apply = async (url: string, key: string, value: string): Promise<number | undefined> => {
    try {
      const answer = await fetch(`${url}/v1/resources`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ resources: [resource(key, value)] }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const { code = '', revision } = (await answer.json()) as { code?: string; revision?: string };
      if (answer.status === 200 && revision !== undefined) return numberOf(revision);
      refusals.set(code, (refusals.get(code) ?? 0) + 1);
    } catch {
      // The server is away; whether it applied the change is not known.
    }
    return undefined;
  };
  const write = async (writer: number): Promise<void> => {
    const key = keys[writer % keys.length] as string;
    for (let i = writer; !stopped; i += 1) {
      const all = servers();
      const value = `${key}-${writer}-${i}`;
      const from = performance.now();
      const revision = await apply((all[i % all.length] as ConfigServer).url, key, value);
      tries.push({ key, value, from, to: performance.now(), revision });
      acknowledged = Math.max(acknowledged, revision ?? 0);
      await sleep(writePauseMs);
    }
  };
  const read = async (i: number): Promise<void> => {
    while (!stopped) {
      const { name, url } = servers()[i] as ConfigServer;
      const from = performance.now();
      const shown = await readConfig(url).catch(() => undefined);
      if (shown !== undefined) {
        readings.push({ server: name, from, to: performance.now(), ...shown });
      }
      await sleep(readPauseMs);
    }
  };
  const running = [
    ...Array.from({ length: keys.length * writersPerKey }, (_, writer) => write(writer)),
    ...servers().map((_, i) => read(i)),
  ];
  return {
    tries,
    readings,
    refusals,
    get acknowledged() {
      return acknowledged;
    },
    revisionAt: async (url) => (await readConfig(url)).revision,
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}

async function readConfig(url: string): Promise<Pick<ConfigReading, 'revision' | 'values'>> {
  const answer = await fetch(`${url}/v1/resources`, { signal: AbortSignal.timeout(timeoutMs) });
  const { revision, resources } = (await answer.json()) as {
    revision: string;
    resources: { metadata: { name: string; labels?: { value: string } } }[];
  };
  const values = new Map<string, string>();
  for (const { metadata } of resources) {
    if (metadata.labels !== undefined) values.set(metadata.name, metadata.labels.value);
  }
  return { revision: numberOf(revision), values };
}

/** Of one lineage, as long as nobody empties the store. */
function numberOf(revision: string): number {
  return Number(revision.slice(revision.lastIndexOf(':') + 1));
}

function resource(key: string, value: string): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: key, namespace: 'default', labels: { value } },
    spec: {
      hosts: [`${key}.example.com`],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      resolution: 'DNS',
    },
  };
}
