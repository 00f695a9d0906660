import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One file of the dashboard, in each encoding that was built. */
export interface DashboardFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzip: Buffer | undefined;
  readonly br: Buffer | undefined;
}

/** By the path under which each is served: `/` and `/assets/…`. */
export type DashboardFiles = ReadonlyMap<string, DashboardFile>;

/** Beside the compiled sources; the same from `src`, where tests run. */
const builtFolder = fileURLToPath(new URL('../../dist/dashboard/', import.meta.url));

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

/**
 * Reads the built dashboard into memory, less than 1 MB: a request then opens no file, and none but
 * these. Empty where it was not built.
 */
export async function readDashboardFiles(folder: string = builtFolder): Promise<DashboardFiles> {
  const files = new Map<string, DashboardFile>();
  const page = await readEncodings(join(folder, 'index.html'));
  if (page === undefined) return files;
  files.set('/', page);
  const assets = join(folder, 'assets');
  for (const name of await readdir(assets)) {
    const file = await readEncodings(join(assets, name));
    if (file !== undefined) files.set(`/assets/${name}`, file);
  }
  return files;
}

async function readEncodings(path: string): Promise<DashboardFile | undefined> {
  const type = types[extname(path)];
  const plain = type === undefined ? undefined : await readIfThere(path);
  if (type === undefined || plain === undefined) return undefined;
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  const [gzip, br] = [await readIfThere(`${path}.gz`), await readIfThere(`${path}.br`)];
  return { type, etag, plain, gzip, br };
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
