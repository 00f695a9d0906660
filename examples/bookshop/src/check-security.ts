import { request as plainRequest } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { createMesh, type Mesh } from 'inmesh';
import { resourceFile } from './inmesh-command.ts';
import { type LockedShop, openLockedShop } from './locked-shop.ts';
import { createLogin, type Login } from './login.ts';

type Claim = (text: string, ok: boolean, figure: string) => void;

/** Plays the shop behind locks: mutual TLS by join tokens, a signed-in customer, and who may call whom. */
export async function checkSecurity(claim: Claim): Promise<void> {
  const shop = await openLockedShop();
  let page: Mesh | undefined;
  try {
    await Promise.all([shop.start('ratings', 'ratings'), shop.start('reviews', 'reviews')]);
    page = await createMesh({
      service: 'productpage',
      serviceAccount: 'productpage',
      registry: shop.url,
      identity: { joinToken: await shop.joinToken('productpage') },
      minTls: 'mutual',
      snapshotFile: false,
    });
    await page.ready('reviews', 'ratings');
    const login = createLogin();
    await shop.apply(login.resource);
    await shop.inmesh('apply', '-f', resourceFile('security'));
    await until(async () => (await status(page as Mesh, 'ratings/ratings/1')) === 403, 10_000);
    await checkWorkloads(shop, page, claim);
    await checkCustomers(page, login, claim);
    await checkRevocation(shop, page, claim);
  } finally {
    await page?.close();
    await shop.close();
  }
}

async function checkWorkloads(shop: LockedShop, page: Mesh, claim: Claim): Promise<void> {
  const refused = await status(page, 'ratings/ratings/1');
  claim('ratings refuses the product page', refused === 403, `${refused}`);
  const port = page.inspect().services.find(({ service }) => service === 'ratings.default')
    ?.endpoints[0]?.port;
  const plain = await plainText(port ?? 0);
  claim('ratings takes no plain text', plain === 'ECONNRESET', plain);
  const from = page.inspect().identity?.spiffeId ?? '';
  const words = ['--from', from, '--to', 'ratings', '--path', '/ratings/1'];
  const why = await shop.inmesh('authz', 'explain', ...words);
  claim('inmesh authz explain names the policy', why.includes('reviews-only'), firstLine(why));
}

async function checkCustomers(page: Mesh, login: Login, claim: Claim): Promise<void> {
  const ada = login.token('ada');
  const good = await page.request('http://reviews/reviews/1', {
    headers: { authorization: `Bearer ${ada}` },
  });
  const { ratings } = JSON.parse(good.body.toString()) as { ratings?: object };
  claim(
    'a signed-in customer sees reviews, with stars that reviews asked for',
    good.status === 200 && ratings !== undefined,
    `${good.status}`,
  );
  const nobody = await status(page, 'reviews/reviews/1');
  claim('whoever is not signed in does not', nobody === 403, `${nobody}`);
  const forged = await status(page, 'reviews/reviews/1', createLogin().token('ada'));
  claim('a token of another signer is refused', forged === 401, `${forged}`);
}

async function checkRevocation(shop: LockedShop, page: Mesh, claim: Claim): Promise<void> {
  await shop.inmesh('revoke', page.inspect().identity?.serial ?? '', '--reason', 'the demo');
  const refused = async (): Promise<boolean> =>
    (await page.request('http://reviews/reviews/1').catch(() => undefined)) === undefined;
  const startedAt = performance.now();
  await until(refused, 10_000);
  claim(
    'a revoked certificate opens nothing any more',
    await refused(),
    `after ${(performance.now() - startedAt).toFixed(0)} ms`,
  );
}

async function status(page: Mesh, target: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return (await page.request(`http://${target}`, { headers })).status;
}

/** A request past the mesh: its status, or how it failed. */
function plainText(port: number): Promise<string> {
  return new Promise((resolve) => {
    const request = plainRequest({ host: '127.0.0.1', port, agent: false });
    request.on('response', ({ statusCode }) => resolve(String(statusCode)));
    request.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'failed'));
    request.end();
  });
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

async function until(condition: () => Promise<boolean>, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition()) && performance.now() < deadline) await wait(50);
}
