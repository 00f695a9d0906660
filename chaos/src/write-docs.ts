import { mkdirSync, writeFileSync } from 'node:fs';
import { figureTable, type Played, renderPage, renderPlot } from './report/page.ts';

const folder = new URL('../../docs/chaos/', import.meta.url);

/** Writes a page and a plot per scenario, and the page of all figures. Returns the folder. */
export function writeDocs(all: readonly Played[], seed: number): string {
  mkdirSync(folder, { recursive: true });
  for (const played of all) {
    const { name } = played.scenario;
    writeFileSync(new URL(`${name}.md`, folder), renderPage(played));
    writeFileSync(new URL(`${name}.svg`, folder), renderPlot(played));
  }
  writeFileSync(new URL('README.md', folder), renderIndex(all, seed));
  return folder.pathname;
}

function renderIndex(all: readonly Played[], seed: number): string {
  const sections = all.map(
    ({ scenario, figures }) =>
      `## [${scenario.title}](${scenario.name}.md)\n\n${figureTable(figures)}`,
  );
  return `# The fault laboratory's figures

Known disasters, played in a simulation on a virtual clock with the policies that the client itself uses, each policy on and off.
Everything here is written by \`npm run chaos\` with seed ${seed} and is the same to the byte each time. A figure without a bound is there
to compare with. [How to read it](../../chaos/README.md).

${sections.join('\n\n')}
`;
}
