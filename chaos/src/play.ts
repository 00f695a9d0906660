import type { Played } from './report/page.ts';
import type { Scenario } from './scenarios/scenario.ts';
import type { Recorder } from './simulation/recorder.ts';

/** The seed of everything in `docs/chaos`. Any other plays the same disasters with other dice. */
export const defaultSeed = 1;

export function playScenario(scenario: Scenario, seed: number): Played {
  const records = new Map<string, Recorder>();
  for (const { name, play } of scenario.variants) records.set(name, play(seed));
  const figures = scenario.figures((variant) => {
    const record = records.get(variant);
    if (record === undefined) throw new Error(`${scenario.name} has no variant ${variant}`);
    return record;
  });
  return { scenario, records, figures };
}
