/**
 * `npm run chaos` plays every scenario and writes `docs/chaos`; `-- --short` plays only what has a
 * bound, and writes nothing; `-- --real` plays faults with processes and sockets. Fails when a figure
 * misses its bound.
 */
import { parseArgs } from 'node:util';
import { defaultSeed, playBounds, playScenario } from './play.ts';
import { playReal } from './real/play-real.ts';
import { boundText, valueText, verdictText } from './report/figure-text.ts';
import type { Played } from './report/page.ts';
import { scenarios } from './scenarios/index.ts';
import { type Figure, holds } from './scenarios/scenario.ts';
import { writeDocs } from './write-docs.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    real: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(defaultSeed) },
  },
});
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed) || seed < 0) {
  console.error(`--seed must be a whole number from 0, got ${values.seed}`);
  process.exit(2);
}
const chosen = scenarios.filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
);
if (chosen.length < positionals.length) {
  console.error(`scenarios are: ${scenarios.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

if (values.real) await playReal((line) => console.log(line));
else process.exitCode = simulated();

function simulated(): number {
  let missed = 0;
  const all: Played[] = [];
  for (const scenario of chosen) {
    if (values.short) {
      missed += report(scenario.title, playBounds(scenario, seed));
      continue;
    }
    const played = playScenario(scenario, seed);
    missed += report(scenario.title, played.figures);
    all.push(played);
  }
  const isWhole = all.length === scenarios.length && seed === defaultSeed;
  if (isWhole) console.log(`\nwritten: ${writeDocs(all, seed)}`);
  console.log(missed === 0 ? '\nevery bound holds' : `\nbounds missed: ${missed}`);
  return missed === 0 ? 0 : 1;
}

/** Prints figures and returns how many missed their bound. */
function report(title: string, figures: readonly Figure[]): number {
  console.log(`\n${title}`);
  for (const figure of figures) {
    const bound = boundText(figure);
    const judged = bound === '' ? '' : `  ${bound}: ${verdictText(figure)}`;
    console.log(`  ${figure.name.padEnd(72)} ${valueText(figure).padStart(12)}${judged}`);
  }
  return figures.filter((figure) => !holds(figure)).length;
}
