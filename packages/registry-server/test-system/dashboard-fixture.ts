import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createRegistryServer, type RegistryServer } from '@inmesh/registry-server';
import { systemProgram } from '@inmesh/testing';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** What functions that run in the page use of it: tests are compiled for Node, which has none of this. */
export interface PageGlobals {
  readonly innerWidth: number;
  readonly location: { hash: string };
  readonly getComputedStyle: (element: unknown) => { readonly backgroundColor: string };
  readonly document: {
    readonly documentElement: {
      readonly scrollWidth: number;
      readonly dataset: Readonly<Record<string, string>>;
    };
    readonly activeElement: { readonly textContent: string | null } | null;
    readonly body: { innerHTML: string; append(node: unknown): void };
    getAnimations(): readonly unknown[];
    createElement(name: string): { setAttribute(name: string, value: string): void };
  };
}

export interface DashboardFixture {
  readonly url: string;
  /** A page of the dashboard at `hash`, loaded. What its browser refuses or its code throws is in `faults`. */
  open(hash: string, options?: BrowserContextOptions): Promise<{ page: Page; faults: string[] }>;
  /** Asks the registry itself. */
  ask<T>(path: string, method?: string, body?: unknown): Promise<T>;
  close(): Promise<void>;
}

/** A registry, the pretended shop, and a real Chromium. */
export async function startDashboard(): Promise<DashboardFixture> {
  const server: RegistryServer = createRegistryServer({ port: 0 });
  const { url } = await server.listen();
  let mesh: ChildProcess | undefined;
  let browser: Browser | undefined;
  try {
    mesh = await startPretendedMesh(url);
    browser = await startChromium();
  } catch (error) {
    mesh?.kill('SIGKILL');
    await server.close();
    throw error;
  }
  const [running, chrome] = [mesh, browser];
  return {
    url,
    async open(hash, options = {}) {
      const page = await chrome.newPage({ viewport: { width: 1_280, height: 800 }, ...options });
      const faults = watchFaults(page);
      await page.goto(`${url}/${hash}`);
      await page.waitForSelector('h1', { state: 'attached' });
      return { page, faults };
    },
    async ask<T>(path: string, method = 'GET', body?: unknown): Promise<T> {
      const init =
        body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
      const response = await fetch(url + path, init);
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
    async close() {
      await chrome.close();
      running.kill('SIGKILL');
      await server.close();
    },
  };
}

const headers = { 'content-type': 'application/json' };

/** Errors of the page's code, and what its browser refuses by policy. A missing route is neither: pages ask for what may not be there. */
function watchFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('404')) faults.push(message.text());
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (
      protocol === 'http:' &&
      origin !== new URL(page.url()).origin &&
      page.url() !== 'about:blank'
    )
      faults.push(`a request to ${origin}`);
  });
  return faults;
}

async function startPretendedMesh(url: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('../dashboard/pretend/main.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, '--registry', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'ready') return child;
  }
  await once(child, 'exit');
  throw new Error('the pretended mesh ended before it was ready: see its messages above');
}

/** Also for tests that have a registry of their own. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: systemProgram('chromium', 'chromium'),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}
