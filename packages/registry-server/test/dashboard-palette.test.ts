import { describe, expect, it } from '@jest/globals';
import { type Colour, palette } from '../dashboard/src/theme/palette.ts';

/** WCAG 2.2 AA: for text, and for what is needed to understand a control or a chart. */
const forText = 4.5;
const forShapes = 3;

const grounds: readonly Colour[] = ['ground', 'surface', 'raised', 'sunken', 'hover'];
const panels: readonly Colour[] = ['ground', 'surface', 'raised'];
const texts: readonly Colour[] = ['text', 'text-soft', 'text-faint'];
const tones = ['accent', 'ok', 'warn', 'bad'] as const;
const versions = [1, 2, 3, 4, 5, 6].map((n): Colour => `version-${n}` as Colour);

const pairs: readonly (readonly [front: Colour, back: Colour, least: number])[] = [
  ...texts.flatMap((text) => grounds.map((ground) => [text, ground, forText] as const)),
  ...tones.flatMap((tone) => panels.map((panel) => [tone, panel, forText] as const)),
  ...tones.map((tone) => [tone, `${tone}-soft`, forText] as const),
  ['on-accent', 'accent', forText],
  ['text-soft', 'accent-soft', forText],
  ...panels.map((panel) => ['control', panel, forShapes] as const),
  ...versions.flatMap((version) => panels.map((panel) => [version, panel, forShapes] as const)),
  ...versions.map((version) => [version, 'sunken', forShapes] as const),
];

describe("the dashboard's colours", () => {
  for (const [scheme, side] of [
    ['light', 0],
    ['dark', 1],
  ] as const) {
    it(`have the contrast of WCAG AA wherever they meet, in the ${scheme} scheme`, () => {
      const poor = pairs
        .map(([front, back, least]) => ({
          pair: `${front} on ${back}`,
          contrast: contrast(palette[front][side], palette[back][side]),
          least,
        }))
        .filter(({ contrast: found, least }) => found < least);
      expect(poor).toEqual([]);
    });
  }
});

function contrast(a: string, b: string): number {
  const [lighter = 0, darker = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (lighter + 0.05) / (darker + 0.05);
}

/** As WCAG defines it, of `#rrggbb`. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
