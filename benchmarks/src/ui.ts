/**
 * The dashboard's graph of 200 services in headless Chromium: how soon it is painted after its address
 * was opened, with an empty cache, and how many frames a second are drawn while the layout moves.
 *
 * The registry is a real one; the services are pretended by a process of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { createRegistryServer } from '@inmesh/registry-server';
import { type Browser, chromium } from 'playwright-core';
import { type BenchOptions, type BenchResult, median } from './harness.ts';

const services = 200;
/** Longer than a layout moves on a slow machine. */
const settleTimeoutMs = 60_000;

interface Visit {
  readonly paintedAfterMs: number;
  readonly framesPerSecond: number;
}

export async function run({ rounds = 7 }: BenchOptions): Promise<BenchResult[]> {
  const server = createRegistryServer({ port: 0 });
  const { url } = await server.listen();
  const mesh = await pretend(url);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  });
  try {
    const visits: Visit[] = [];
    for (let round = 0; round < rounds; round += 1) visits.push(await visit(browser, url));
    return [
      figure('first paint', median(visits.map((one) => one.paintedAfterMs)), 'ms'),
      figure(
        'while the layout moves (more is better)',
        median(visits.map((one) => one.framesPerSecond)),
        'frames/s',
      ),
    ];
  } finally {
    await browser.close();
    mesh.kill('SIGKILL');
    await server.close();
  }
}

/** One visit by somebody who was never here. */
async function visit(browser: Browser, url: string): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } });
  const page = await context.newPage();
  // Counts frames from the page's own loop, so that what the bench does besides is not in them.
  await page.addInitScript(watchFrames);
  await page.goto(`${url}/#/graph`);
  await page.waitForSelector('canvas[data-state="settled"]', { timeout: settleTimeoutMs });
  const seen = await page.evaluate(() => {
    const { performance, watched } = globalThis as unknown as Watched;
    const [painted] = performance.getEntriesByName('inmesh-graph-painted');
    return { paintedAfterMs: painted?.startTime ?? Number.NaN, ...watched };
  });
  await context.close();
  return {
    paintedAfterMs: seen.paintedAfterMs,
    framesPerSecond: (seen.frames * 1_000) / seen.movedForMs,
  };
}

interface Watched {
  watched: { frames: number; movedForMs: number };
  readonly performance: {
    now(): number;
    getEntriesByName(name: string): readonly { readonly startTime: number }[];
  };
  readonly document: {
    querySelector(selector: string): { readonly dataset: Record<string, string> } | null;
  };
  requestAnimationFrame(callback: () => void): void;
}

/** Runs in the page: how many frames of the graph were drawn while it moved, and for how long. */
function watchFrames(): void {
  const page = globalThis as unknown as Watched;
  page.watched = { frames: 0, movedForMs: 0 };
  let first: { readonly at: number; readonly frames: number } | undefined;
  const look = (): void => {
    const { frames, state } = page.document.querySelector('canvas')?.dataset ?? {};
    const now = page.performance.now();
    if (frames !== undefined) {
      first ??= { at: now, frames: Number(frames) };
      page.watched = { frames: Number(frames) - first.frames, movedForMs: now - first.at };
    }
    if (state !== 'settled') page.requestAnimationFrame(look);
  };
  look();
}

async function pretend(url: string): Promise<ChildProcess> {
  const root = dirname(
    createRequire(import.meta.url).resolve('@inmesh/registry-server/package.json'),
  );
  const script = join(root, 'dashboard/pretend/main.mjs');
  const child = spawn(
    process.execPath,
    [script, '--registry', url, '--services', String(services)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'ready') return child;
  }
  throw new Error('the pretended mesh ended before it was ready: see its messages above');
}

function figure(metric: string, value: number, unit: string): BenchResult {
  return {
    bench: 'ui',
    subject: `graph of ${services} services in Chromium`,
    baseline: '–',
    concurrency: 1,
    metric,
    ratio: 1,
    low: 1,
    high: 1,
    value,
    unit,
  };
}
