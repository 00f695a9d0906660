// Bundles the dashboard into dist/dashboard: hashed names, each text file also as gzip and brotli, so
// that the registry serves what lies there and compresses nothing. `--out FOLDER` builds elsewhere.

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string' } } });
const out = values.out ?? join(here, '../dist/dashboard');
const assets = join(out, 'assets');
/** Already compressed: doing it again costs time and gains nothing. */
const packed = /\.(woff2|png)$/;

const { outputFiles, metafile } = await build({
  entryPoints: [
    join(here, 'src/main.tsx'),
    join(here, 'styles/main.css'),
    join(here, 'static/icon.svg'),
  ],
  outdir: assets,
  write: false,
  metafile: true,
  bundle: true,
  minify: true,
  format: 'esm',
  splitting: true,
  target: ['chrome123', 'firefox120', 'safari17.5'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'linked',
  loader: { '.woff2': 'file', '.svg': 'copy' },
  entryNames: '[name]-[hash]',
  chunkNames: 'chunk-[hash]',
  assetNames: '[name]-[hash]',
});

await mkdir(assets, { recursive: true });
const kept = new Set();
for (const { path, contents } of outputFiles) await keep(path, contents);
await keep(join(out, 'index.html'), Buffer.from(await page()));
await keep(join(out, 'LICENSES.txt'), Buffer.from(await licenses()));
for (const folder of [out, assets]) await removeStale(folder);

/** Writes a file and its compressed twins, unless they are there: the name says what is in it. */
async function keep(path, contents) {
  const twins = packed.test(path) ? [] : [`${path}.gz`, `${path}.br`];
  for (const name of [path, ...twins]) kept.add(name);
  const before = await readFile(path).catch(() => undefined);
  const have = new Set(await readdir(dirname(path)));
  if (before?.equals(contents) && twins.every((name) => have.has(basename(name)))) return;
  await write(path, contents);
  if (twins.length === 0) return;
  await write(`${path}.gz`, await promisify(gzip)(contents, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: contents.length };
  await write(`${path}.br`, await promisify(brotliCompress)(contents, { params }));
}

/** Whole or not at all: a registry that starts meanwhile reads no half of it. */
async function write(path, contents) {
  await writeFile(`${path}.part`, contents);
  await rename(`${path}.part`, path);
}

async function page() {
  const names = outputFiles.map(({ path }) => basename(path));
  const named = (start, end) =>
    `/assets/${names.find((n) => n.startsWith(start) && n.endsWith(end))}`;
  const template = await readFile(join(here, 'index.html'), 'utf8');
  return template
    .replace('{script}', named('main-', '.js'))
    .replace('{style}', named('main-', '.css'))
    .replace('{icon}', named('icon-', '.svg'))
    .replace('{font}', named('inter-latin-wght-normal-', '.woff2'));
}

/** The licenses of what is bundled, which ask to go with it. */
async function licenses() {
  const folders = Object.keys(metafile.inputs)
    .map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter((folder) => folder !== undefined);
  const texts = [...new Set(folders)].sort().map(async (folder) => {
    const { name, version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const text = (await readdir(folder)).find((file) => /^licen[cs]e/i.test(file));
    if (text === undefined) throw new Error(`${name} has no license file`);
    return `${name} ${version}\n\n${await readFile(join(folder, text), 'utf8')}`;
  });
  return (await Promise.all(texts)).join('\n----\n\n');
}

async function removeStale(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile() && !kept.has(path)) await rm(path, { force: true });
  }
}
