import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ConfigResource,
  type EdgeReport,
  latencyBucket,
  type ServiceEndpoints,
  type SessionOpened,
} from '@inmesh/core';
import { createRegistryServer } from '@inmesh/registry-server';
import { eventually } from '@inmesh/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import {
  type DashboardFixture,
  type PageGlobals,
  startChromium,
  startDashboard,
} from './dashboard-fixture.ts';

const phone = { width: 390, height: 844 };
const places = [
  ['#/graph', 'Graph'],
  ['#/graph?view=table', 'Graph'],
  ['#/services', 'Services'],
  ['#/services/payments/payments', 'payments'],
  ['#/traffic', 'Traffic'],
  ['#/security', 'Security'],
  ['#/configuration', 'Configuration'],
  ['#/configuration/VirtualService/shop/reviews', 'reviews'],
  ['#/configuration/new?kind=AuthorizationPolicy', 'New resource'],
  ['#/why?url=http://reviews/7&from=catalog.shop', 'Why'],
] as const;

let dashboard: DashboardFixture;

beforeAll(async () => {
  dashboard = await startDashboard();
  await dashboard.ask('/v1/resources', 'POST', { resources: [...canary(90, 10)] });
});

afterAll(() => dashboard?.close());

describe('every page', () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    it(`is shown ${colorScheme}, on a desk and on a phone, with nothing refused, thrown or cut off`, async () => {
      const { page, faults } = await dashboard.open('#/graph', { colorScheme });
      for (const viewport of [{ width: 1_280, height: 800 }, phone]) {
        await page.setViewportSize(viewport);
        for (const [hash, title] of places) {
          await go(page, hash);
          await page
            .getByRole('heading', { level: 1, name: title, exact: true })
            .waitFor({ state: 'attached' });
          await page.waitForSelector('.loading', { state: 'detached' });
          const wider = await page.evaluate(() => {
            const { document, innerWidth } = globalThis as unknown as PageGlobals;
            return document.documentElement.scrollWidth - innerWidth;
          });
          expect([hash, viewport.width, wider]).toEqual([hash, viewport.width, 0]);
        }
      }
      const ground = await page.evaluate(() => {
        const { document, getComputedStyle } = globalThis as unknown as PageGlobals;
        return getComputedStyle(document.documentElement).backgroundColor;
      });
      expect(ground).toBe(colorScheme === 'light' ? 'rgb(247, 248, 250)' : 'rgb(13, 14, 17)');
      expect(faults).toEqual([]);
      await page.close();
    });
  }

  it('goes by the theme that was chosen, also when it is opened again', async () => {
    const { page } = await dashboard.open('#/services', { colorScheme: 'light' });
    const button = page.getByRole('button', { name: /^Theme/ });
    await button.click();
    await button.click();
    await page.reload();
    await page.waitForSelector('h1');
    const scheme = await page.evaluate(
      () => (globalThis as unknown as PageGlobals).document.documentElement.dataset.scheme,
    );
    expect(scheme).toBe('dark');
    await page.close();
  });
});

describe('the keyboard', () => {
  it('reaches the content first, every page by two letters, and a service by its name', async () => {
    const { page } = await dashboard.open('#/graph');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the content');
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await page.getByRole('heading', { level: 1, name: 'Services' }).waitFor();
    await page.keyboard.press('/');
    await page.getByRole('combobox', { name: 'Page or service' }).waitFor();
    await page.keyboard.type('ledg');
    await page.getByRole('option', { name: /ledger/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'ledger' }).waitFor();
    await page.close();
  });

  it('moves through the graph, says where it is, focuses, and leaves', async () => {
    const { page } = await dashboard.open('#/graph', { reducedMotion: 'reduce' });
    await page.waitForSelector('canvas[data-state="settled"]');
    const label = page.getByRole('application', { name: /Call graph of 18 services/ });
    await label.waitFor();
    await label.focus();
    await page.keyboard.press('ArrowRight');
    const inspector = page.getByRole('complementary', { name: 'Chosen in the graph' });
    await inspector.waitFor();
    const first = await inspector.getByRole('heading', { level: 2 }).textContent();
    await page.keyboard.press('ArrowRight');
    await eventually(
      async () => (await inspector.getByRole('heading', { level: 2 }).textContent()) !== first,
    );
    await page.keyboard.press('Enter');
    await page.waitForURL(/focus=/);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.waitForURL((url) => !url.hash.includes('focus='));
    await page.close();
  });

  it('closes a dialog with Escape and is back where it was', async () => {
    const { page } = await dashboard.open('#/services');
    const search = page.getByRole('button', { name: 'Search' });
    await search.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await focused(page)).toContain('Search');
    await page.close();
  });
});

describe('what an operator does', () => {
  it('drains an endpoint and puts it back', async () => {
    const { page } = await dashboard.open('#/services/shop/search');
    await page.getByRole('button', { name: 'Drain' }).first().click();
    await page.getByText('by an operator').first().waitFor();
    const path = '/v1/services/shop/search/endpoints';
    const { endpoints } = await dashboard.ask<ServiceEndpoints>(path);
    expect(endpoints.filter(({ override }) => override === 'draining')).toHaveLength(1);
    await page.getByRole('button', { name: 'Put back' }).click();
    await page.getByText('by an operator').waitFor({ state: 'detached' });
    await page.close();
  });

  it('moves a split by its slider, sees what would change, and applies it', async () => {
    const { page } = await dashboard.open('#/traffic');
    const slider = page.getByRole('slider');
    await slider.fill('30');
    await page.getByRole('button', { name: 'Review and apply' }).click();
    await page.locator('.diff-added', { hasText: 'weight: 30' }).waitFor();
    expect(await weights()).toEqual([90, 10]);
    await page.getByRole('button', { name: 'Apply', exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await weights()).toEqual([70, 30]);
    await page.close();
  });

  it('edits a resource: mistakes are told with their place, and nothing is applied', async () => {
    const { page } = await dashboard.open('#/configuration/VirtualService/shop/reviews');
    const editor = page.getByLabel('Resource as YAML');
    await editor.waitFor();
    const text = await editor.inputValue();
    await editor.fill(text.replace('route:', 'rout:'));
    await page.getByRole('button', { name: 'Check and compare' }).click();
    const fault = page.getByRole('dialog').getByRole('alert');
    await fault.waitFor();
    expect(await fault.textContent()).toMatch(/rout/);
    expect(await page.getByRole('button', { name: 'Apply', exact: true }).isDisabled()).toBe(true);
    await page.close();
  });

  it('asks why a request goes where it goes', async () => {
    const { page } = await dashboard.open('#/why');
    await page.getByLabel('URL, as the caller writes it').fill('http://reviews/reviews/7');
    await page.getByLabel('Calling service').fill('catalog.shop');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByRole('heading', { name: 'Route canary matched' }).waitFor();
    await page.getByRole('link', { name: 'DestinationRule/shop/reviews' }).first().waitFor();
    await page.close();
  });
});

describe('a rollout', () => {
  it('is seen to complete, and one whose version is worse to roll back, each with its verdict', async () => {
    const { page, faults } = await dashboard.open('#/traffic');
    const driver = await reporter('driver.shop');
    const versions = [
      { service: 'inventory', namespace: 'fulfilment', from: 'v1', to: 'v2' },
      { service: 'payments', namespace: 'payments', from: 'v2', to: 'v3' },
    ];
    for (const one of versions) {
      const plan = { steps: [50, 100], stepMs: 5_000, minCalls: 100 };
      await dashboard.ask('/v1/rollouts', 'POST', { ...one, ...plan });
    }
    const [good, bad] = ['inventory', 'payments'].map((name) =>
      page.getByRole('article', { name: `Rollout of ${name}` }),
    ) as [Locator, Locator];
    await good.getByText('running', { exact: true }).waitFor();
    const state = async (card: Locator): Promise<string> =>
      (await card.locator('.badge').first().textContent()) ?? '';
    await eventually(async () => {
      await driver.report([
        edgeTo('inventory.fulfilment', 'v1', 0),
        edgeTo('inventory.fulfilment', 'v2', 0),
        edgeTo('payments.payments', 'v2', 0),
        edgeTo('payments.payments', 'v3', 60),
      ]);
      return (await state(good)) === 'completed' && (await state(bad)) === 'rolled-back';
    }, 60_000);
    expect(await good.locator('.step-done').count()).toBe(2);
    expect(await good.textContent()).toMatch(/no worse: 0\.\d\d % errors/);
    expect(await bad.textContent()).toMatch(/worse: \d+\.\d\d % errors .* against/);
    expect(await bad.getByRole('button').count()).toBe(0);
    expect(faults).toEqual([]);
    await driver.close();
    await page.close();
  });
});

describe('who asked for less motion', () => {
  it('gets the graph at rest from its first frame, and nothing that moves by itself', async () => {
    const { page } = await dashboard.open('#/graph', { reducedMotion: 'reduce' });
    const canvas = page.locator('canvas[data-frames]');
    await canvas.waitFor();
    expect(await canvas.getAttribute('data-state')).toBe('settled');
    const running = await page.evaluate(
      () => (globalThis as unknown as PageGlobals).document.getAnimations().length,
    );
    expect(running).toBe(0);
    await page.close();
  });

  it('and who did not sees calls travel', async () => {
    const { page } = await dashboard.open('#/graph', { reducedMotion: 'no-preference' });
    const canvas = page.locator('canvas[data-state="settled"]');
    await canvas.waitFor();
    const frames = async (): Promise<number> => Number(await canvas.getAttribute('data-frames'));
    const before = await frames();
    // Far more than new graphs would draw, which come every two seconds.
    await eventually(async () => (await frames()) > before + 20);
    await page.close();
  });
});

describe('a registry that asks who is there', () => {
  it('is signed in to with a token, changed with a second secret, and left', async () => {
    await withSecured(async (page, url, token) => {
      await page.goto(`${url}/#/configuration/new?kind=VirtualService`);
      const field = page.getByLabel("A reader's or an operator's token");
      await field.fill('a guess');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').waitFor();
      await field.fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('button', { name: 'Check and compare' }).click();
      await page.getByRole('button', { name: 'Apply', exact: true }).click();
      await page.getByText('operator alice').first().waitFor();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await field.waitFor();
    });
  });

  it('shows which certificates are revoked, and why', async () => {
    await withSecured(async (page, url, token) => {
      const answer = await page.request.post(`${url}/v1/revocations`, {
        headers: { authorization: `Bearer ${token}` },
        data: { serial: '4af1', reason: 'the disk was lost' },
      });
      expect(answer.status()).toBe(201);
      await page.goto(`${url}/#/security`);
      await page.getByLabel("A reader's or an operator's token").fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
      const row = page.getByRole('region', { name: 'Revocations' }).getByRole('row').nth(1);
      expect(await row.textContent()).toMatch(/4af1.*the disk was lost/);
    });
  });
});

describe('hostile input', () => {
  const script = '<script>globalThis.pwned = true</script>';
  const image = '<img src=x onerror="globalThis.pwned = true">';

  it('case 51: a <script> in metadata is shown as text, and runs nowhere', async () => {
    const { session } = await dashboard.ask<SessionOpened>('/v1/sessions', 'POST', {
      client: script,
    });
    await dashboard.ask(`/v1/sessions/${session}/registrations/hostile-1`, 'PUT', {
      service: 'hostile',
      namespace: 'shop',
      address: '127.0.0.1',
      ports: [{ name: 'http', port: 8080 }],
      labels: { version: image },
      metadata: { note: script, link: 'javascript:globalThis.pwned=true' },
    });
    const { page, faults } = await dashboard.open('#/services/shop/hostile');
    await page.locator('summary').click();
    await page.getByText(script).waitFor();
    await page.getByText(image).first().waitFor();
    await go(page, '#/graph?find=hostile');
    await page.waitForSelector('canvas');
    await go(page, '#/graph?view=table');
    await page.waitForSelector('table');
    expect(await page.evaluate(() => 'pwned' in globalThis)).toBe(false);
    expect(await page.locator('script:not([src]), a[href^="javascript:"]').count()).toBe(0);
    expect(faults).toEqual([]);
    await page.close();
    await dashboard.ask(`/v1/sessions/${session}`, 'DELETE');
  });

  it('case 51: a script that got into the page all the same is refused by its policy', async () => {
    const { page, faults } = await dashboard.open('#/services');
    const refused = await page.evaluate(() => {
      const { document } = globalThis as unknown as PageGlobals;
      try {
        document.body.innerHTML += '<img src=x onerror="globalThis.pwned = true">';
        return false;
      } catch {
        return true;
      }
    });
    expect(refused).toBe(true);
    await page.evaluate(() => {
      const { document } = globalThis as unknown as PageGlobals;
      const image = document.createElement('img');
      image.setAttribute('src', 'http://127.0.0.1:9/x.png');
      document.body.append(image);
    });
    await eventually(() => faults.some((fault) => fault.includes('Content Security Policy')));
    expect(await page.evaluate(() => 'pwned' in globalThis)).toBe(false);
    await page.close();
  });
});

/** A registry with its doors shut, a page of a browser that knows nothing of it, and an operator's token. */
async function withSecured(
  use: (page: Page, url: string, token: string) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'inmesh-dashboard-'));
  const server = createRegistryServer({ port: 0, dataDir, security: {} });
  const browser = await startChromium();
  try {
    const { url } = await server.listen();
    const { token } = await server.createToken({ kind: 'operator', name: 'alice' });
    await use(await browser.newPage({ ignoreHTTPSErrors: true }), url, token);
  } finally {
    await browser.close();
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** A process that is not there, and reports what a test says once a second, however often it is asked to. */
async function reporter(service: string): Promise<{
  report(edges: readonly EdgeReport[]): Promise<void>;
  close(): Promise<void>;
}> {
  const opened = { client: `${service}/1`, service };
  const { session } = await dashboard.ask<SessionOpened>('/v1/sessions', 'POST', opened);
  const path = `/v1/sessions/${session}`;
  let told = 0;
  return {
    async report(edges) {
      const second = Math.floor(performance.now() / 1_000);
      if (second === told) return;
      told = second;
      await dashboard.ask(path, 'PUT');
      await dashboard.ask(`${path}/reports`, 'POST', { service, version: 'v1', second, edges });
    },
    async close() {
      await dashboard.ask(path, 'DELETE');
    },
  };
}

/** 300 calls to a version in one second, so many of them failed. */
function edgeTo(peer: string, peerVersion: string, errors: number): EdgeReport {
  const seconds = [{ ago: 0, calls: 300, errors, latencies: [latencyBucket(10), 300] }];
  return { seenBy: 'source', peer, peerVersion, mutualTls: 300, seconds };
}

/** As a link within the page does. */
async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => {
    (globalThis as unknown as PageGlobals).location.hash = to;
  }, hash);
}

function focused(page: Page): Promise<string | null | undefined> {
  return page.evaluate(
    () => (globalThis as unknown as PageGlobals).document.activeElement?.textContent,
  );
}

async function weights(): Promise<readonly number[]> {
  const { spec } = await dashboard.ask<ConfigResource>('/v1/resources/VirtualService/shop/reviews');
  const { http } = spec as { http: { route: { weight: number }[] }[] };
  return (http[0]?.route ?? []).map(({ weight }) => weight);
}

function canary(v1: number, v2: number): readonly ConfigResource[] {
  const metadata = { name: 'reviews', namespace: 'shop' };
  const apiVersion = 'networking.istio.io/v1';
  const subsets = ['v1', 'v2'].map((name) => ({ name, labels: { version: name } }));
  const route = [
    { destination: { host: 'reviews', subset: 'v1' }, weight: v1 },
    { destination: { host: 'reviews', subset: 'v2' }, weight: v2 },
  ];
  return [
    { apiVersion, kind: 'DestinationRule', metadata, spec: { host: 'reviews', subsets } },
    {
      apiVersion,
      kind: 'VirtualService',
      metadata,
      spec: { hosts: ['reviews'], http: [{ name: 'canary', route }] },
    },
  ];
}
