import { setTimeout as sleep } from 'node:timers/promises';

interface Attempt {
  readonly value: number;
  readonly acknowledged: boolean;
}

/** Applies one resource over and over, each time with the next number, at whichever server answers. */
export interface ConfigWriter {
  readonly attempts: readonly Attempt[];
  /** The answers other than 200, by the code of the problem. */
  readonly refusals: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

const pauseMs = 100;

export function startConfigWriter(urls: () => readonly string[]): ConfigWriter {
  const attempts: Attempt[] = [];
  const refusals = new Map<string, number>();
  let stopped = false;

  const apply = async (value: number): Promise<boolean> => {
    const all = urls();
    try {
      const answer = await fetch(`${all[value % all.length]}/v1/resources`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ resources: [resource(value)] }),
        signal: AbortSignal.timeout(10_000),
      });
      if (answer.status === 200) {
        await answer.arrayBuffer();
        return true;
      }
      const { code } = (await answer.json()) as { code: string };
      refusals.set(code, (refusals.get(code) ?? 0) + 1);
    } catch {
      // The server is away; whether it applied the change is not known.
    }
    return false;
  };
  const run = async (): Promise<void> => {
    for (let value = 1; !stopped; value += 1) {
      attempts.push({ value, acknowledged: await apply(value) });
      await sleep(pauseMs);
    }
  };
  const running = run();
  return {
    attempts,
    refusals,
    stop() {
      stopped = true;
      return running;
    },
  };
}

function resource(value: number): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'counter', namespace: 'default', labels: { value: String(value) } },
    spec: {
      hosts: ['counter.example.com'],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      resolution: 'DNS',
    },
  };
}

/** The number that a server has. */
export async function configValue(url: string): Promise<number> {
  const answer = await fetch(`${url}/v1/resources/ServiceEntry/default/counter`);
  if (answer.status !== 200) return 0;
  const { metadata } = (await answer.json()) as { metadata: { labels: { value: string } } };
  return Number(metadata.labels.value);
}
