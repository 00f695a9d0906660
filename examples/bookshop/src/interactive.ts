import { emitKeypressEvents } from 'node:readline';
import { playFallback, playShedding, playZoneLoss } from './check-resilience.ts';
import { playRollout } from './check-rollout.ts';
import { checkSecurity } from './check-security.ts';
import type { Child } from './child.ts';
import { inmesh, resourceFile } from './inmesh-command.ts';
import { createLedger } from './ledger.ts';
import { openShop, type Role, type Shop } from './shop.ts';
import { drawTable } from './table.ts';

const redrawMs = 500;
const slowMs = 500;

/** The demo for a person: a table that is redrawn and one key per mishap. Resolves when `q` is pressed. */
export async function playInteractive(): Promise<void> {
  const ledger = createLedger();
  const said: string[] = [];
  console.log('Opening the bookshop: a registry, six services and their customers …');
  const shop = await openShop((report) => ledger.add(report));
  let quit = (): void => {};
  const done = new Promise<void>((resolve) => {
    quit = resolve;
  });
  const draw = setInterval(() => {
    process.stdout.write(`\u001b[H\u001b[J${drawTable(shop, ledger, said)}\n`);
  }, redrawMs);

  const onKey = (_text: string, key: { name?: string; ctrl?: boolean }): void => {
    if (key.name === 'q' || (key.ctrl === true && key.name === 'c')) {
      quit();
      return;
    }
    const scene = scenes[key.name ?? ''];
    if (scene !== undefined) {
      said.push('recommendations are started, and called a hundred times a second …');
      const tell = (text: string, ok: boolean, figure: string): void =>
        void said.push(`${text}: ${ok ? 'yes' : 'NO'}, ${figure}`);
      scene(shop, tell).catch((error: Error) => said.push(error.message));
      return;
    }
    act(shop, key.name ?? '').then(
      (line) => line !== undefined && said.push(line),
      (error: Error) => said.push(error.message),
    );
  };
  emitKeypressEvents(process.stdin);
  if (process.stdin.isTTY) process.stdin.setRawMode(true);
  process.stdin.on('keypress', onKey).resume();
  process.once('SIGTERM', quit);
  await done;
  clearInterval(draw);
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.stdin.off('keypress', onKey).pause();
  console.log('Closing the bookshop …');
  await shop.close();
}

/** Keys that play a whole scene with endpoints of its own. */
const scenes: Readonly<Record<string, typeof playZoneLoss>> = {
  z: playZoneLoss,
  o: playShedding,
  x: playFallback,
  p: playRollout,
};

/** What a key does; the answer is the line to show. */
async function act(shop: Shop, key: string): Promise<string | undefined> {
  const reviews = [...shop.children.values()].filter(({ name }) => name.startsWith('reviews'));
  const [first] = reviews;
  switch (key) {
    case 'k':
      return withChild(first, async (child) => {
        await shop.kill(child);
        return `${child.name} was killed: its traffic goes to the others at once`;
      });
    case 'd':
      return withChild(first, async (child) => {
        await shop.stop(child);
        return `${child.name} drained: it finished what it had, and ended`;
      });
    case 's': {
      const versions: Role[] = ['reviews-v1', 'reviews-v2', 'reviews-v3'];
      const missing = versions.find((role) => !reviews.some(({ name }) => name.startsWith(role)));
      const { name } = await shop.start(missing ?? 'reviews-v1');
      return `${name} started, and takes its share`;
    }
    case 'l':
      return withChild(first, async (child) => {
        child.direct({ kind: 'slow', ms: slowMs });
        return `${child.name} now takes ${slowMs} ms: calls avoid it`;
      });
    case 'f':
      return withChild(first, async (child) => {
        child.direct({ kind: 'fail', on: true });
        return `${child.name} now answers 503: calls are repeated elsewhere, and it is ejected after five in a row`;
      });
    case 'h':
      for (const child of shop.children.values()) {
        child.direct({ kind: 'slow', ms: 0 });
        child.direct({ kind: 'fail', on: false });
      }
      return 'all healed';
    case '1':
      await inmesh(shop.registry.url, 'apply', '-f', resourceFile('canary'));
      return 'reviews: 90 % to v1, 10 % to v2, and none to v3';
    case '2':
      await inmesh(
        shop.registry.url,
        'apply',
        '-f',
        resourceFile('canary'),
        resourceFile('content'),
      );
      return 'reviews: jason to v2, iOS to v3, Android to v1, everybody else to the canary';
    case '3':
      await shop.start('details-v2');
      await inmesh(shop.registry.url, 'apply', '-f', resourceFile('mirror'));
      return 'details: v2 gets a copy of every request';
    case '0':
      for (const kind of ['VirtualService', 'DestinationRule']) {
        for (const name of ['reviews', 'details']) {
          await inmesh(shop.registry.url, 'delete', kind, name).catch(() => {}); // it may not be there
        }
      }
      return 'all routes are gone: every endpoint takes its share';
    case 'm': {
      const lines: string[] = [];
      await checkSecurity((text, ok) => lines.push(`${ok ? 'yes' : 'NO'}: ${text}`));
      return lines.join('; ');
    }
    case 'r':
      if (shop.registry.running) await shop.registry.stop();
      else await shop.registry.start();
      return shop.registry.running
        ? 'the registry is back'
        : 'the registry is gone: calls go on with what they know';
    default:
      return undefined;
  }
}

async function withChild(
  child: Child | undefined,
  body: (child: Child) => Promise<string>,
): Promise<string> {
  return child === undefined ? 'no reviews endpoint is left: press s' : body(child);
}
