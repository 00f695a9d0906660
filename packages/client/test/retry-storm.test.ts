import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, type RetryBudgetPolicy, runInContext } from '@inmesh/core';
import { attach, createPipeline, meshOf } from '@inmesh/inbound';
import { createFakeClock } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import type { Client } from '../src/index.ts';
import { resolvePolicy } from '../src/policy-defaults.ts';
import { createRetryBudget, type RetryBudget } from '../src/retry-budget.ts';
import { isRetriable, saysNoRetry } from '../src/retry-decision.ts';
import { clientOf, closeAfter, upstream } from './client-fixture.ts';

const { retry } = resolvePolicy();
const get = { method: 'GET', headers: [], options: {} };
const hops = 3;

interface Chain {
  readonly clock: Clock;
  /** One per hop; without any, every hop retries as often as its policy says. */
  readonly budgets: readonly RetryBudget[];
  /** Whether hops tell each other who retries. */
  readonly oneLayer: boolean;
  /** Requests that reached the tier that fails. */
  load: number;
}

/** A call of hop `level`, by the real policies, in no time. Gives whether the answer forbids retries. */
function callTier(chain: Chain, level: number, contextAttempt: number): boolean {
  const budget = chain.budgets[level];
  const now = chain.clock.now();
  if (contextAttempt === 1) budget?.deposit(now);
  for (let attempt = 1; ; attempt += 1) {
    const sent = chain.oneLayer ? Math.max(attempt, contextAttempt) : 1;
    let forbidden = false;
    if (level === hops - 1) chain.load += 1;
    else forbidden = callTier(chain, level + 1, sent);
    const failure = {
      status: 503,
      kind: 'status',
      maybeProcessed: true,
      headers: forbidden ? ['inmesh-retry', 'no'] : [],
    } as const;
    if (contextAttempt > 1) return false;
    if (!isRetriable(retry, get, failure)) return chain.oneLayer && saysNoRetry(failure);
    const again = attempt <= retry.maxRetries && (budget?.tryWithdraw(now) ?? true);
    if (!again) return chain.oneLayer;
  }
}

/** The load on the last of three tiers, which fails, in times of what is offered: 100 calls a second for a minute, no breaker. */
function amplification(budget: RetryBudgetPolicy | undefined, oneLayer: boolean): number {
  const clock = createFakeClock();
  const budgets =
    budget === undefined ? [] : Array.from({ length: hops }, () => createRetryBudget(budget));
  const chain: Chain = { clock, budgets, oneLayer, load: 0 };
  const calls = 60 * 100;
  for (let call = 0; call < calls; call += 1) {
    callTier(chain, 0, 1);
    clock.advance(10);
  }
  return chain.load / calls;
}

describe('hostile case 67: a retry storm over three tiers', () => {
  const { retryBudget } = resolvePolicy();

  test('multiplies the load by 27 where every layer retries on its own', () => {
    expect(amplification(undefined, false)).toBe(27);
  });

  test('multiplies it by 3 where one layer retries, without any budget', () => {
    expect(amplification(undefined, true)).toBe(3);
  });

  test('stays within 1.25 times the offered load by budget and rule, with breakers off', () => {
    expect(amplification(retryBudget, true)).toBeLessThanOrEqual(1.25);
    expect(amplification(retryBudget, true)).toBeGreaterThan(1.1);
  });

  test('would not by the budgets of the layers alone', () => {
    expect(amplification(retryBudget, false)).toBeGreaterThan(1.5);
  });
});

describe('over real servers', () => {
  /** A tier that calls the next one and answers 502 when that fails. */
  async function tier(next: Client, seen: string[]): Promise<{ port: number }> {
    const pipeline = createPipeline();
    const handler: RequestListener = async (request, response) => {
      seen.push(String(request.headers['inmesh-attempt'] ?? '1'));
      const context = meshOf(request)?.context;
      const answer = await runInContext(context, () => next.request('http://reviews/'));
      response.statusCode = answer.status >= 500 ? 502 : 200;
      response.end();
    };
    const server = createServer(handler);
    attach(server, pipeline);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closeAfter({
      close: async () => {
        pipeline.close();
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    });
    return { port: (server.address() as AddressInfo).port };
  }

  const noBreaker = { breaker: null, outlier: null } as const;

  test('only the layer next to the failure retries, and the ones above hear that it did', async () => {
    const last = await upstream({ fault: { kind: 'status', status: 503 } });
    const seenByMiddle: string[] = [];
    const seenByFirst: string[] = [];
    const middle = await tier(clientOf([last], noBreaker), seenByMiddle);
    const first = await tier(clientOf([middle], noBreaker), seenByFirst);
    const caller = clientOf([first], noBreaker);

    const answer = await caller.request('http://reviews/');
    expect(answer.status).toBe(502);
    expect(answer.headers['inmesh-retry']).toBe('no');
    expect(seenByFirst).toEqual(['1']);
    expect(seenByMiddle).toEqual(['1']);
    expect(last.requests).toBe(3);
  });

  test('a request that is a retry is not retried by any hop below', async () => {
    const last = await upstream({ fault: { kind: 'status', status: 503 } });
    const seenByMiddle: string[] = [];
    const middle = await tier(clientOf([last], noBreaker), seenByMiddle);
    const first = await tier(clientOf([middle], noBreaker), []);
    const url = `http://127.0.0.1:${first.port}/`;
    const answer = await fetch(url, { headers: { 'inmesh-attempt': '2' } });
    expect(answer.status).toBe(502);
    expect(seenByMiddle).toEqual(['2']);
    expect(last.requests).toBe(1);
  });

  test('an answer that says no is not retried, whatever the status', async () => {
    const only = await upstream((_request, response) => {
      response.writeHead(503, { 'inmesh-retry': 'no' }).end();
    });
    const { status } = await clientOf([only], noBreaker).request('http://reviews/');
    expect([status, only.requests]).toEqual([503, 1]);
  });

  test('a hop that may not retry by its own policy leaves that to the one above', async () => {
    const last = await upstream({ fault: { kind: 'status', status: 503 } });
    const middle = await tier(clientOf([last], { ...noBreaker, retry: { maxRetries: 0 } }), []);
    const answer = await clientOf([middle], noBreaker).request('http://reviews/');
    expect(answer.headers['inmesh-retry']).toBeUndefined();
    expect(last.requests).toBe(3);
  });
});

test('67: one layer has the breaker that opens, as one layer retries: those above hear that it is not theirs', async () => {
  const middle = await upstream({
    fault: { kind: 'status', status: 503, headers: { 'inmesh-retry': 'no' } },
  });
  const client = clientOf([middle], { breaker: { minCalls: 5 }, outlier: null });
  for (let i = 0; i < 20; i += 1) await client.request('http://reviews/');
  expect(client.inspect().services[0]?.destinations[0]?.breaker).toBe('closed');
  middle.fault = { kind: 'status', status: 503 };
  for (let i = 0; i < 5; i += 1) await client.request('http://reviews/', { maxRetries: 0 });
  expect(client.inspect().services[0]?.destinations[0]?.breaker).toBe('open');
});
