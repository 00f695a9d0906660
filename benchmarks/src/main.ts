/** `npm run bench -- [NAME…] [--json] [--rounds N]`: runs the named benches, or all, one after the other. */
import { parseArgs } from 'node:util';
import type { BenchOptions, BenchResult } from './harness.ts';

type Bench = {
  /** Gives each result as soon as it is measured, where several are measured one after the other. */
  run(options: BenchOptions): AsyncIterable<BenchResult> | Promise<BenchResult[]>;
};

const benches: Record<string, () => Promise<Bench>> = {
  auth: () => import('./auth.ts'),
  call: () => import('./call.ts'),
  cluster: () => import('./cluster.ts'),
  config: () => import('./config.ts'),
  eureka: () => import('./eureka.ts'),
  identity: () => import('./identity.ts'),
  graph: () => import('./graph.ts'),
  metrics: () => import('./metrics.ts'),
  pick: () => import('./pick.ts'),
  registry: () => import('./registry.ts'),
  'registry-restart': () => import('./registry-restart.ts'),
  'registry-sustained': () => import('./registry-sustained.ts'),
  rotation: () => import('./rotation.ts'),
  route: () => import('./route.ts'),
  scale: () => import('./scale.ts'),
  tls: () => import('./tls.ts'),
  ui: () => import('./ui.ts'),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(benches);
for (const name of names) {
  const load = benches[name];
  if (load === undefined) {
    console.error(
      `no bench is called ${JSON.stringify(name)}; there are: ${Object.keys(benches).join(', ')}`,
    );
    process.exit(2);
  }
}
for (const name of names) {
  const bench = await (benches[name] as () => Promise<Bench>)();
  const results = bench.run({
    json: values.json,
    ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }),
    ...(values.only === undefined ? {} : { only: values.only }),
  });
  for await (const result of await results) {
    console.log(values.json ? JSON.stringify(result) : row(result));
  }
}

function row({
  bench,
  subject,
  baseline,
  concurrency,
  metric,
  ratio,
  low,
  high,
  value,
  unit,
}: BenchResult): string {
  const absolute = value === undefined ? '' : `${value.toFixed(1)} ${unit ?? ''}`;
  const relative =
    baseline === '-' ? '' : `${ratio.toFixed(3)} [${low.toFixed(3)}..${high.toFixed(3)}]`;
  const figure = [relative, absolute].filter((text) => text !== '').join('  ');
  return `${bench.padEnd(9)} ${subject.padEnd(44)} ${`vs ${baseline}`.padEnd(44)} c=${String(concurrency).padEnd(5)} ${metric.padEnd(24)} ${figure}`;
}
