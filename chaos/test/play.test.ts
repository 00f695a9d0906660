import { describe, expect, test } from '@jest/globals';
import { playBounds, playFigures, playScenario } from '../src/play.ts';
import { renderPage, renderPlot } from '../src/report/page.ts';
import { scenarios } from '../src/scenarios/index.ts';
import { holds, lengthOf, type Scenario } from '../src/scenarios/scenario.ts';

const byName = (name: string): Scenario =>
  scenarios.find((scenario) => scenario.name === name) as Scenario;

/** Short to play, and with every policy at work. */
const quick = byName('clock-jump');

describe('a scenario', () => {
  const first = playScenario(quick, 7);

  test('with the same seed gives the same page and plot to the byte', () => {
    const second = playScenario(quick, 7);
    expect(renderPage(second)).toBe(renderPage(first));
    expect(renderPlot(second)).toBe(renderPlot(first));
  });

  test('with other seeds gives other numbers and the same verdicts', () => {
    const second = playScenario(quick, 8);
    expect(renderPage(second)).not.toBe(renderPage(first));
    expect(second.figures.map(holds)).toEqual(first.figures.map(holds));
  });

  test('has the same figures when only the bounds are played', () => {
    const bounded = first.figures.filter(({ bound }) => bound !== undefined);
    expect(bounded.length).toBeGreaterThan(0);
    expect(playBounds(quick, 7)).toEqual(bounded);
  });
});

test('a scenario without the policy shows the disaster: round robin lets a gray failure into the tail', () => {
  const names = ['round robin', 'p99 with peak EWMA, over the p99 without the slow endpoint'];
  const figures = playFigures(byName('gray-failure'), 3, ({ name }) => names.includes(name));
  const [peakEwma, roundRobin] = figures.map(({ value }) => value);
  expect(roundRobin).toBeGreaterThan(10);
  expect(peakEwma).toBeLessThan(1.5);
});

test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
  '%s has phases in order that cover whole seconds, and variants of different names',
  (_name, scenario) => {
    for (const { from, to } of scenario.phases) {
      expect(Number.isInteger(from) && Number.isInteger(to) && from < to).toBe(true);
    }
    expect(lengthOf(scenario)).toBe(scenario.phases.at(-1)?.to);
    const names = scenario.variants.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  },
);
