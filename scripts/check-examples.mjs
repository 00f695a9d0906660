// Type-checks every ```ts block of the READMEs and the docs as a module of its own: an example that a
// reader copies must compile. A block that is no module on its own is marked ```ts fragment.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const out = 'node_modules/.cache/examples';
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'])
  .toString()
  .trim()
  .split('\n')
  .filter((page) => !page.startsWith('.changeset/'));
const origin = new Map();
for (const page of pages) {
  const text = readFileSync(page, 'utf8');
  for (const block of text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
    const line = text.slice(0, block.index).split('\n').length;
    const file = `${page.replace(/[^a-zA-Z0-9]+/g, '-')}-${line}.ts`;
    origin.set(file, `${page}:${line}`);
    writeFileSync(`${out}/${file}`, `${block[1]}\nexport {};\n`);
  }
}
writeFileSync(
  `${out}/tsconfig.json`,
  JSON.stringify({
    extends: '../../../tsconfig.base.json',
    compilerOptions: {
      noEmit: true,
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
      typeRoots: ['../../@types'],
    },
    include: ['*.ts'],
  }),
);
writeFileSync(`${out}/package.json`, JSON.stringify({ type: 'module' }));
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  ['node_modules/.bin/tsc', '-p', out, '--pretty', 'false'],
  { encoding: 'utf8' },
);
for (const line of `${stdout}${stderr}`.split('\n').filter(Boolean)) {
  console.error(line.replace(/^.*?([\w-]+\.ts)/, (_, file) => `${origin.get(file) ?? file} `));
}
console.log(
  `${origin.size} examples in ${pages.length} pages: ${status === 0 ? 'all compile' : 'some do not'}`,
);
process.exit(status ?? 1);
