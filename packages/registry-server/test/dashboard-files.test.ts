import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fastify from 'fastify';
import type { App } from '../src/http/app.ts';
import { readDashboardFiles } from '../src/http/dashboard-files.ts';
import { problemOf } from '../src/http/problem.ts';
import { dashboardRoutes } from '../src/http/routes/dashboard-routes.ts';
import { sendProblem } from '../src/http/send-problem.ts';
import { startRegistry } from './registry-fixture.ts';

/** What a first visit may load, compressed. */
const maxBytes = 250 * 1024;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inmesh-dashboard-'));
  const build = fileURLToPath(new URL('../dashboard/build.mjs', import.meta.url));
  await promisify(execFile)(process.execPath, [build, '--out', folder]);
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the built dashboard', () => {
  it('is smaller than 250 KB as gzip, fonts and all', async () => {
    const files = await readDashboardFiles(folder);
    const sizes = [...files.values()].map(({ gzip, plain }) => (gzip ?? plain).length);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(maxBytes);
  });

  it('asks no other host for anything, and has no code or style in the page', async () => {
    const page = await readFile(join(folder, 'index.html'), 'utf8');
    expect(page).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=/);
    expect(page.match(/(?:src|href)="(?!\/assets\/)[^"]*"/g)).toBeNull();
    const css = (await readdir(join(folder, 'assets'))).find((name) => name.endsWith('.css'));
    const styles = await readFile(join(folder, 'assets', css ?? ''), 'utf8');
    expect(styles.match(/url\((?!"?\.\/|"?\/assets\/|"?inter)[^)]*\)/g)).toBeNull();
  });

  it('stays the same file for file when it is built again', async () => {
    const before = await readdir(join(folder, 'assets'));
    const build = fileURLToPath(new URL('../dashboard/build.mjs', import.meta.url));
    await promisify(execFile)(process.execPath, [build, '--out', folder]);
    expect(await readdir(join(folder, 'assets'))).toEqual(before);
  });
});

describe('the registry', () => {
  it('serves the page with a policy that allows what is its own only, and asks for it anew', async () => {
    const { headers } = await get('/');
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers['cache-control']).toBe('no-cache');
  });

  it('serves what the browser takes: brotli, gzip, or plain', async () => {
    const plain = (await get('/')).rawPayload;
    const gzip = await get('/', { 'accept-encoding': 'gzip, br;q=0' });
    const br = await get('/', { 'accept-encoding': 'gzip, deflate, br' });
    expect(gzip.headers['content-encoding']).toBe('gzip');
    expect(br.headers['content-encoding']).toBe('br');
    expect(gunzipSync(gzip.rawPayload)).toEqual(plain);
    expect(brotliDecompressSync(br.rawPayload)).toEqual(plain);
  });

  it('lets assets be kept for ever, and says when nothing changed', async () => {
    const [name] = await readdir(join(folder, 'assets'));
    const asset = await get(`/assets/${name}`);
    expect(asset.headers['cache-control']).toContain('immutable');
    const again = await get(`/assets/${name}`, { 'if-none-match': String(asset.headers.etag) });
    expect(again.statusCode).toBe(304);
  });

  it('serves nothing but the files of the dashboard, however it is asked', async () => {
    for (const path of ['/assets/..%2findex.html', '/assets/%2e%2e/index.html', '/assets/x.js']) {
      expect((await get(path)).statusCode).toBe(404);
    }
  });

  it('case 52: lets a link of another site lead to the page, and to nothing else', async () => {
    const { send } = await startRegistry();
    const followed = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    expect((await send('/', { headers: followed })).status).not.toBe(403);
    expect((await send('/v1/status', { headers: followed })).status).toBe(403);
    expect((await send('/', { headers: { ...followed, 'sec-fetch-dest': 'iframe' } })).status).toBe(
      403,
    );
  });

  it('says what to do when the dashboard is not built', async () => {
    const missing = await readDashboardFiles(join(folder, 'nothing'));
    const answer = await appWith(missing).inject('/');
    expect(answer.statusCode).toBe(404);
    expect(answer.json<{ detail: string }>().detail).toContain('npm run build');
  });
});

async function get(url: string, headers: Record<string, string> = {}) {
  return appWith(await readDashboardFiles(folder)).inject({ url, headers });
}

function appWith(files: Awaited<ReturnType<typeof readDashboardFiles>>): App {
  const app: App = fastify();
  app.setErrorHandler((error, _request, reply) => {
    sendProblem(reply, problemOf(error));
  });
  dashboardRoutes(app, files);
  return app;
}
