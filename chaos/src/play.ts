import type { Played } from './report/page.ts';
import type { Figure, Scenario } from './scenarios/scenario.ts';
import type { Recorder } from './simulation/recorder.ts';

/** The seed of everything in `docs/chaos`. Any other plays the same disasters with other dice. */
export const defaultSeed = 1;

/** Every variant, and every figure. */
export function playScenario(scenario: Scenario, seed: number): Played {
  const records = new Map<string, Recorder>();
  for (const { name, play } of scenario.variants) records.set(name, play(seed));
  const measures = scenario.figures((name) => records.get(name) ?? unknown(scenario, name));
  const figures = measures.map(({ measure, ...rest }) => ({ ...rest, value: measure() }));
  return { scenario, records, figures };
}

/** The figures that have a bound, by playing only the variants that they come from. */
export function playBounds(scenario: Scenario, seed: number): readonly Figure[] {
  return playFigures(scenario, seed, ({ bound }) => bound !== undefined);
}

/** Some of the figures, by playing only the variants that they come from. */
export function playFigures(
  scenario: Scenario,
  seed: number,
  isWanted: (figure: Omit<Figure, 'value'>) => boolean,
): readonly Figure[] {
  const records = new Map<string, Recorder>();
  const measures = scenario.figures((name) => {
    const variant = scenario.variants.find((one) => one.name === name);
    const record = records.get(name) ?? variant?.play(seed) ?? unknown(scenario, name);
    records.set(name, record);
    return record;
  });
  return measures.filter(isWanted).map(({ measure, ...rest }) => ({ ...rest, value: measure() }));
}

function unknown(scenario: Scenario, variant: string): never {
  throw new Error(`${scenario.name} has no variant ${JSON.stringify(variant)}`);
}
