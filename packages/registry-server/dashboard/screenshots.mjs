// Makes the pictures of the dashboard in docs/images: a real registry, a mesh that is pretended, and a real
// Chromium. `--out FOLDER` writes elsewhere, `--only NAME` makes those whose name has that in it.
//
// The registry's clock is moved forward while the mesh reports, so that there is an hour behind it.

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '@inmesh/core';
import { createRegistryServer } from '@inmesh/registry-server';
import { systemProgram } from '@inmesh/testing';
import { chromium } from 'playwright-core';
import { large } from './pretend/large.mjs';
import { pretendMesh } from './pretend/pretend-mesh.mjs';
import { resources, rollouts } from './pretend/resources.mjs';
import { revocationsAt } from './pretend/revocations.mjs';
import { shop } from './pretend/shop.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'docs/images') },
    only: { type: 'string', default: '' },
  },
});

/** Reports cover a minute at most, and a session lives for a quarter of one. */
const stepSeconds = 10;
/** Of the shop; the large mesh is for the graph alone, which needs the last minute. */
const minutesBefore = 6;

/** Hundreds of sessions are opened and renewed by one process, on machines that may be busy. */
const sessionTtlMs = 120_000;

const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

const why =
  '#/why?' +
  new URLSearchParams({
    method: 'GET',
    url: 'http://reviews/reviews/7',
    headers: 'end-user: jason',
    from: 'catalog.shop',
  });

/** What is taken: a name, an address, and what is done before. */
const shots = [
  { name: 'graph', hash: '#/graph' },
  { name: 'graph-inspector', hash: '#/graph', act: selectBusiest },
  { name: 'graph-focus', hash: '#/graph?focus=checkout.shop', scheme: 'dark' },
  { name: 'graph-namespaces', hash: '#/graph?group=namespaces' },
  { name: 'graph-table', hash: '#/graph?view=table' },
  { name: 'graph-phone', hash: '#/graph', viewport: phone },
  { name: 'services', hash: '#/services' },
  { name: 'services-phone', hash: '#/services', viewport: phone },
  { name: 'service', hash: '#/services/payments/payments', full: true },
  { name: 'service-dark', hash: '#/services/shop/checkout', scheme: 'dark', full: true },
  { name: 'traffic', hash: '#/traffic', full: true, act: moveSlider },
  { name: 'traffic-review', hash: '#/traffic', act: reviewSlider },
  { name: 'rollouts', hash: '#/traffic', act: showRollouts },
  { name: 'security', hash: '#/security', full: true },
  { name: 'security-dark', hash: '#/security', scheme: 'dark', full: true },
  { name: 'revocations', hash: '#/security', act: showRevocations },
  { name: 'revocations-phone', hash: '#/security', viewport: phone, act: showRevocations },
  { name: 'configuration', hash: '#/configuration', full: true },
  { name: 'configuration-editor', hash: '#/configuration/VirtualService/shop/reviews' },
  { name: 'why', hash: why },
  { name: 'why-dark', hash: why, scheme: 'dark' },
  { name: 'search', hash: '#/services', act: search },
  { name: 'graph-500', hash: '#/graph', mesh: 'large' },
];

const wanted = shots.filter(({ name }) => name.includes(values.only));
await mkdir(values.out, { recursive: true });
const browser = await chromium.launch({
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
try {
  for (const mesh of ['shop', 'large']) {
    const some = wanted.filter((shot) => (shot.mesh ?? 'shop') === mesh);
    if (some.length > 0) await takeAll(mesh, some);
  }
} finally {
  await browser.close();
}

async function takeAll(mesh, some) {
  let ahead = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + ahead };
  const server = createRegistryServer({ port: 0, clock, sessionTtlMs });
  const { url } = await server.listen();
  const pretended = await pretendMesh(url, mesh === 'shop' ? shop : large(500), clock.now);
  if (mesh === 'shop') {
    await post(url, '/v1/resources', { resources });
    for (const rollout of rollouts) await post(url, '/v1/rollouts', rollout);
  }
  await pretended.report();
  const minutes = mesh === 'shop' ? minutesBefore : 0;
  for (let passed = 0; passed < minutes * 60; passed += stepSeconds) {
    ahead += stepSeconds * 1_000;
    await pretended.report();
    // Rollouts are looked at once a second of the real time.
    if (mesh === 'shop') await new Promise((resolve) => setTimeout(resolve, 1_100));
  }
  // Failures after the server closed are of no interest.
  const reporting = setInterval(() => void pretended.report().catch(() => {}), 2_000);
  try {
    for (const shot of some) await take(url, shot);
  } finally {
    clearInterval(reporting);
    await server.close();
  }
}

async function post(url, path, body) {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
}

async function take(url, { name, hash, viewport = desktop, scheme = 'light', act, full = false }) {
  const page = await browser.newPage({
    viewport,
    colorScheme: scheme,
    deviceScaleFactor: 1.5,
    reducedMotion: hash.includes('graph') ? 'no-preference' : 'reduce',
  });
  page.on(
    'console',
    (message) => message.type() === 'error' && console.error(`${name}: ${message.text()}`),
  );
  page.on('pageerror', (error) => console.error(`${name}: ${error}`));
  await page.route('**/v1/revocations', (route) =>
    route.fulfill({ json: revocationsAt(Date.now()) }),
  );
  await page.goto(`${url}/${hash}`, { timeout: 120_000 });
  await page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => {}); // the graph's stream never ends
  if (hash.startsWith('#/graph') && !hash.includes('table')) {
    await page.waitForSelector('canvas[data-state="settled"]', { timeout: 60_000 });
  }
  await act?.(page);
  await page.waitForTimeout(600); // lets pictures and fonts settle
  const path = join(values.out, `${name}.png`);
  if (full) {
    const height = await page.evaluate(() => document.querySelector('.page')?.scrollHeight ?? 0);
    const chrome = viewport === phone ? 120 : 0;
    await page.setViewportSize({
      width: viewport.width,
      height: Math.min(2_200, Math.max(viewport.height, height + chrome)),
    });
    await page.waitForTimeout(300);
  }
  await page.screenshot({ path });
  await page.close();
  console.log(path);
}

async function selectBusiest(page) {
  await page.focus('canvas');
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
}

async function moveSlider(page) {
  const slider = page.locator('input[type="range"]').last();
  await slider.waitFor();
  await slider.fill('40');
}

async function reviewSlider(page) {
  await moveSlider(page);
  await page.getByRole('button', { name: 'Review and apply' }).first().click();
  await page.waitForSelector('.diff');
}

async function showRollouts(page) {
  const cards = page.locator('article.rollout');
  await cards.first().waitFor();
  await page.getByRole('region', { name: 'Rollouts' }).scrollIntoViewIfNeeded();
  await cards.first().evaluate((card) => card.closest('section').scrollIntoView());
}

async function showRevocations(page) {
  const panel = page.getByRole('region', { name: 'Revocations' });
  await panel.waitFor();
  await panel.evaluate((section) => section.scrollIntoView({ block: 'center' }));
}

async function search(page) {
  await page.keyboard.press('/');
  await page.keyboard.type('re');
}
