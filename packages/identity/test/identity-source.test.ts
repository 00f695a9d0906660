import { MeshError, type MeshEvent } from '@inmesh/core';
import { createIdentity, type IdentitySource, parsePemBundle } from '@inmesh/identity';
import { createFakeClock, type FakeClock, seededRandom } from '@inmesh/testing';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  createAuthority,
  type TestAuthority,
  type TestEnroller,
  testEnroller,
} from './test-authority.ts';
import { until } from './until.ts';

const uri = 'spiffe://cluster.local/ns/prod/sa/orders';
const hour = 3_600_000;
const day = 24 * hour;

const open: IdentitySource[] = [];
afterEach(() => {
  for (const identity of open.splice(0)) identity.close();
});

/** A clock that begins now: certificates are made by the machine's. */
function clockOfToday(): FakeClock {
  const clock = createFakeClock();
  clock.jumpWall(Date.now() - clock.wallNow());
  return clock;
}

interface Setup {
  readonly clock: FakeClock;
  readonly events: MeshEvent[];
  readonly identity: IdentitySource;
  readonly enroller: TestEnroller;
  /** What the authority does instead of answering, while it is set. */
  fail: (() => Promise<never>) | undefined;
  kinds(): string[];
  /** Lets time pass, and gives the authority the real time that signing takes. */
  pass(ms: number): Promise<void>;
}

async function setUp(
  authority: TestAuthority,
  more: {
    lifeMs?: number;
    signer?: () => TestAuthority;
    bundle?: () => string;
    as?: string;
    fail?: Setup['fail'];
  } = {},
): Promise<Setup> {
  const clock = clockOfToday();
  const events: MeshEvent[] = [];
  const enroller = testEnroller(more.signer ?? (() => authority), more.as ?? uri, {
    now: () => clock.wallNow(),
    lifeMs: more.lifeMs ?? day,
    ...(more.bundle === undefined ? {} : { bundle: more.bundle }),
  });
  const setup: Partial<Setup> & Pick<Setup, 'fail'> = { fail: more.fail };
  const identity = createIdentity({
    spiffeId: uri,
    clock,
    random: seededRandom(1),
    onEvent: (event) => void events.push(event),
    enroller: {
      enroll: (csr, signal, current) => {
        if (setup.fail === undefined) return enroller.enroll(csr, signal, current);
        enroller.requests += 1;
        return setup.fail();
      },
    },
  });
  open.push(identity);
  const kinds = (): string[] => events.map(({ kind }) => kind);
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 20_000) {
      await clock.advanceAsync(Math.min(left, 20_000));
      while (enroller.pending > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await clock.advanceAsync(0);
  };
  return Object.assign(setup, { clock, events, identity, enroller, kinds, pass }) as Setup;
}

const refuse = (): Promise<never> => Promise.reject(new MeshError('registry_unavailable', 'away'));

describe('an identity from an authority', () => {
  test('is there when it is ready, with the time that is left', async () => {
    const { identity, kinds, clock } = await setUp(await createAuthority());
    expect(identity.tls()).toBeUndefined();
    expect(identity.state).toMatchObject({ name: 'pending' });
    expect(identity.expiresInMs).toBeUndefined();
    expect(identity.connectOptions([uri])).toBeUndefined();
    const credential = await identity.ready();
    expect(credential.identity.spiffeId).toBe(uri);
    expect(identity.tls()).toBe(credential);
    expect(identity.state).toMatchObject({ name: 'valid', attempts: 0 });
    expect(identity.expiresInMs).toBeGreaterThan(day - 2_000);
    await clock.advanceAsync(hour);
    expect(identity.expiresInMs).toBeLessThan(day - hour + 1);
    expect(kinds()).toEqual(['identity-renewed']);
  });

  test('is renewed between half and six tenths of its life, with another key', async () => {
    const { identity, enroller, pass } = await setUp(await createAuthority());
    const first = await identity.ready();
    await pass(12 * hour - 120_000);
    expect(enroller.requests).toBe(1);
    await pass(2.4 * hour + 240_000);
    await until(() => expect(identity.tls()).not.toBe(first));
    expect(enroller.requests).toBe(2);
    expect(identity.tls()?.revision).not.toBe(first.revision);
    expect(identity.tls()?.privateKey.equals(first.privateKey)).toBe(false);
  });

  test('is renewed over and over, and never gets old', async () => {
    const { identity, enroller, pass } = await setUp(await createAuthority(), { lifeMs: hour });
    await identity.ready();
    for (let halfHours = 0; halfHours < 20; halfHours += 1) {
      await pass(0.5 * hour);
      expect(identity.expiresInMs).toBeGreaterThan(0.39 * hour);
    }
    expect(enroller.requests).toBeGreaterThanOrEqual(1 + 16);
    expect(enroller.requests).toBeLessThanOrEqual(1 + 20);
  });

  test('is not asked for in a circle when the authority dates certificates back', async () => {
    const authority = await createAuthority();
    const clock = clockOfToday();
    let requests = 0;
    const identity = createIdentity({
      spiffeId: uri,
      clock,
      enroller: {
        async enroll(csr) {
          requests += 1;
          const notBefore = new Date(clock.wallNow() - 23 * hour);
          const notAfter = new Date(clock.wallNow() + hour);
          return {
            chain: await authority.sign(csr, uri, { notBefore, notAfter }),
            bundle: authority.pem,
          };
        },
      },
    });
    open.push(identity);
    await identity.ready();
    await clock.advanceAsync(0.49 * hour);
    expect(requests).toBe(1);
  });

  test('case 40: a renewal that fails is tried again until it succeeds, and is an alarm when a quarter of life is left', async () => {
    const setup = await setUp(await createAuthority());
    const { identity, enroller, pass, kinds } = setup;
    const first = await identity.ready();
    setup.fail = refuse;
    await pass(17.9 * hour);
    await until(() => expect(enroller.requests).toBeGreaterThan(10));
    expect(kinds()).not.toContain('identity-expiring');
    expect(identity.state).toMatchObject({
      name: 'valid',
      error: { code: 'registry_unavailable' },
    });
    await pass(0.2 * hour);
    expect(kinds().filter((kind) => kind === 'identity-expiring')).toHaveLength(1);
    expect(identity.state).toMatchObject({ name: 'expiring' });
    expect(identity.tls()).toBe(first);
    const before = enroller.requests;
    await pass(2 * hour);
    // Five minutes at most between two tries, half of them at least.
    expect(enroller.requests - before).toBeGreaterThanOrEqual(24);
    expect(enroller.requests - before).toBeLessThanOrEqual(49);
    setup.fail = undefined;
    await pass(400_000);
    await until(() => expect(identity.state).toMatchObject({ name: 'valid', attempts: 0 }));
    await pass(6 * hour);
    expect(kinds().filter((kind) => kind === 'identity-expiring')).toHaveLength(1);
  });

  test('that has expired is told again and still handed out, so that callers fail instead of going plain', async () => {
    const setup = await setUp(await createAuthority());
    const first = await setup.identity.ready();
    setup.fail = refuse;
    await setup.pass(25 * hour);
    expect(setup.identity.state).toMatchObject({ name: 'expired' });
    expect(setup.identity.expiresInMs).toBeLessThan(0);
    expect(setup.identity.tls()).toBe(first);
    const alarms = setup.events.filter(({ kind }) => kind === 'identity-expiring');
    expect(alarms).toHaveLength(2);
    expect(alarms[1]).toMatchObject({ error: { code: 'registry_unavailable' } });
  });

  test('is renewed after the machine has slept, though timers have not', async () => {
    const { identity, enroller, clock } = await setUp(await createAuthority());
    await identity.ready();
    clock.jumpWall(15 * hour);
    await clock.advanceAsync(60_000);
    await until(() => expect(enroller.requests).toBe(2));
    await until(() => expect(identity.expiresInMs).toBeGreaterThan(day - 120_000));
  });

  test('an authority that never answers is given up on and asked again', async () => {
    const setup = await setUp(await createAuthority(), { fail: () => new Promise(() => {}) });
    await setup.clock.advanceAsync(30_000);
    expect(setup.identity.state).toMatchObject({
      name: 'pending',
      attempts: 1,
      error: { code: 'deadline_exceeded' },
    });
    setup.fail = undefined;
    await setup.clock.advanceAsync(1_000);
    await setup.identity.ready();
  });

  test('an authority that asks for time is not asked again before, and not by all at once', async () => {
    let tries = 0;
    const busy = new MeshError('overloaded', 'busy', { retryAfterMs: 60_000 });
    const setup = await setUp(await createAuthority(), {
      fail: () => {
        tries += 1;
        return Promise.reject(busy);
      },
    });
    await setup.clock.advanceAsync(0);
    await setup.clock.advanceAsync(59_000);
    expect(tries).toBe(1);
    await setup.clock.advanceAsync(31_000);
    expect(tries).toBe(2);
  });

  test('is given up waiting for in time, with the reason', async () => {
    const setup = await setUp(await createAuthority(), { fail: refuse });
    const ready = setup.identity.ready(5_000);
    const told = expect(ready).rejects.toMatchObject({
      code: 'start_timeout',
      cause: { code: 'registry_unavailable' },
    });
    await setup.clock.advanceAsync(5_000);
    await told;
  });

  test('leaves no timer behind when it is closed, and stops asking', async () => {
    const { identity, enroller, clock } = await setUp(await createAuthority());
    await identity.ready();
    identity.close();
    identity.close();
    expect(clock.pendingTimers).toBe(0);
    await clock.advanceAsync(2 * day);
    expect(enroller.requests).toBe(1);
    expect(identity.state).toEqual({ name: 'closed' });
  });

  test('that is closed before it is there rejects who waits, and takes no late answer', async () => {
    const { identity, clock, events } = await setUp(await createAuthority());
    const waiting = identity.ready();
    identity.close();
    await expect(waiting).rejects.toMatchObject({ code: 'closed' });
    await expect(identity.ready()).rejects.toMatchObject({ code: 'closed' });
    await clock.advanceAsync(hour);
    expect(identity.tls()).toBeUndefined();
    expect(events).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('what an authority answers is refused when', () => {
  const answers: readonly (readonly [string, RegExp, () => Promise<Setup>])[] = [
    [
      'case 43: it is for another service',
      /is of spiffe:\/\/cluster.local\/ns\/prod\/sa\/admin, expected/,
      async () => setUp(await createAuthority(), { as: 'spiffe://cluster.local/ns/prod/sa/admin' }),
    ],
    [
      'its bundle does not vouch for it',
      /no trusted authority/,
      async () => {
        const other = await createAuthority();
        return setUp(await createAuthority(), { bundle: () => other.pem });
      },
    ],
    [
      'its bundle is empty',
      /has no certificate/,
      async () => setUp(await createAuthority(), { bundle: () => '' }),
    ],
    [
      'it has expired already',
      /expired at/,
      async () => setUp(await createAuthority(), { lifeMs: -1 }),
    ],
  ];
  test.each(answers)('%s', async (_what, reason, start) => {
    const { identity } = await start();
    await until(() => {
      expect(identity.state).toMatchObject({ name: 'pending', attempts: 1 });
    });
    const { state } = identity;
    expect('error' in state ? state.error?.message : '').toMatch(reason);
    expect(identity.tls()).toBeUndefined();
  });

  test('it is for another key', async () => {
    const authority = await createAuthority();
    const { chain } = await authority.issue(uri);
    const identity = createIdentity({
      spiffeId: uri,
      enroller: { enroll: async () => ({ chain, bundle: authority.pem }) },
    });
    open.push(identity);
    await until(() =>
      expect(identity.state).toMatchObject({
        error: { message: expect.stringContaining('private key') },
      }),
    );
  });

  test('it is none', async () => {
    const identity = createIdentity({
      spiffeId: uri,
      enroller: { enroll: async () => null as never },
    });
    open.push(identity);
    await until(() => expect(identity.state).toMatchObject({ error: { code: 'protocol_error' } }));
  });
});

describe('a change of whom is trusted', () => {
  test('case 42: the old and the new authority are trusted while one is replaced', async () => {
    const [old, fresh] = await Promise.all([createAuthority('old'), createAuthority('new')]);
    let signer = old;
    const { identity, pass } = await setUp(old, {
      signer: () => signer,
      bundle: () => old.pem + fresh.pem,
    });
    const first = await identity.ready();
    const told: string[] = [];
    identity.onChange(({ revision }) => void told.push(revision));
    identity.setTrustBundle(parsePemBundle('cluster.local', old.pem + fresh.pem));
    const second = identity.tls();
    expect(second?.svid).toBe(first.svid);
    expect(second?.revision).not.toBe(first.revision);
    expect(told).toEqual([second?.revision]);
    signer = fresh;
    await pass(15 * hour);
    await until(() => expect(told).toHaveLength(2));
    expect(identity.tls()?.svid.certificate.issuer).toBe('CN=new');
    expect(identity.tls()?.trust.get('cluster.local')?.authorities).toHaveLength(2);
  });

  test('that no longer vouches for our own certificate makes us ask for another at once', async () => {
    const [old, fresh] = await Promise.all([createAuthority('old'), createAuthority('new')]);
    let signer = old;
    const { identity, kinds } = await setUp(old, { signer: () => signer });
    await identity.ready();
    signer = fresh;
    identity.setTrustBundle(parsePemBundle('cluster.local', fresh.pem));
    expect(kinds()).toContain('identity-renewal-failed');
    await until(() => expect(identity.tls()?.svid.certificate.issuer).toBe('CN=new'));
    expect(identity.state).toMatchObject({ name: 'valid' });
  });

  test('that comes before the first certificate counts once it is there', async () => {
    const [own, other] = await Promise.all([createAuthority('own'), createAuthority('other')]);
    const { identity } = await setUp(own);
    identity.setTrustBundle(parsePemBundle('other.example', other.pem));
    const { trust } = await identity.ready();
    expect([...trust.keys()].sort()).toEqual(['cluster.local', 'other.example']);
  });
});

describe('nothing secret is told', () => {
  test('neither logs, events, errors nor the credential itself show the key', async () => {
    const { inspect } = await import('node:util');
    const authority = await createAuthority();
    const lines: unknown[] = [];
    const log = (fields: unknown, message: string): void => void lines.push([fields, message]);
    const identity = createIdentity({
      spiffeId: uri,
      logger: { debug: log, info: log, warn: log, error: log },
      onEvent: log as never,
      enroller: testEnroller(() => authority, uri, { now: Date.now, lifeMs: day }),
    });
    open.push(identity);
    const credential = await identity.ready();
    const pkcs8 = credential.privateKey.export({ type: 'pkcs8', format: 'der' });
    const jwk = credential.privateKey.export({ format: 'jwk' });
    const shown = inspect([lines, credential, identity], { depth: 20, showHidden: true });
    expect(shown).not.toContain('PRIVATE KEY');
    expect(shown).not.toContain(String(jwk.d));
    expect(JSON.stringify([lines, credential])).not.toContain(
      pkcs8.toString('base64').slice(40, 80),
    );
    expect(lines.length).toBeGreaterThan(0);
  });
});

test.each([
  ['neither enroller nor files', {}, /exactly one of enroller and files/],
  ['both', { enroller: {}, files: {}, spiffeId: uri }, /exactly one of enroller and files/],
  ['no name', { enroller: {} }, /spiffeId must be given/],
  ['a trust domain as its name', { enroller: {}, spiffeId: 'spiffe://td' }, /must name a workload/],
  [
    'an old TLS',
    { enroller: {}, spiffeId: uri, minVersion: 'TLSv1.1' },
    /minVersion .* got "TLSv1.1"/,
  ],
  ['files without a key', { files: { cert: 'a', bundle: 'b' } }, /files.key must be a path/],
  [
    'polling in a frenzy',
    { files: { cert: 'a', key: 'k', bundle: 'b', pollMs: 1 } },
    /pollMs .* got 1/,
  ],
])('options with %s are refused', (_what, options, reason) => {
  expect(() => createIdentity(options as never)).toThrow(reason);
});
