import { createAuthorizer, type RequestDescription } from '@inmesh/auth';
import type { InboundStep } from '@inmesh/inbound';
import { sendRaw } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { frameworks, type Ran } from './guarded-apps.ts';
import { scope } from './policies.ts';
import { paths, policies, request } from './policy-arbitraries.ts';
import { referenceAllows } from './reference-policy.ts';
import { audience, issuer, keySet, rsaKey } from './token-maker.ts';

const issuers = [{ issuer, audiences: [audience], jwks: keySet(rsaKey('k').jwk) }];

/** Ways to write a path that some router takes for the same, and some that none should. */
const spell: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => `${path}/`,
  (path) => `/${path}`,
  (path) => path.toUpperCase(),
  (path) => path.replace('a', '%61'),
  (path) => path.replace('b', '%42'),
  (path) => path.replace('/b', '%2Fb'),
  (path) => `${path};x=1`,
  (path) => `/.${path}`,
  (path) => `/x/..${path}`,
  (path) => `/c/%2e%2e${path}`,
  (path) => `${path}?q=/c/b`,
  (path) => `${path}#/c/b`,
  (path) => `http://elsewhere${path}`,
  (path) => path.replaceAll('/', '\\'),
];
const target = fc
  .tuple(fc.constantFrom(...paths), fc.constantFrom(...spell), fc.constantFrom(...spell))
  .map(([path, one, other]) => one(other(path)));

function send(port: number, asked: RequestDescription, to: string): Promise<string> {
  const { method = 'GET', headers = {} } = asked;
  const lines = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}\r\n`),
  );
  const common = 'host: shop\r\nconnection: close\r\ncontent-length: 0\r\n';
  return sendRaw(port, `${method} ${to} HTTP/1.1\r\n${common}${lines.join('')}\r\n`);
}

describe.each(frameworks)('%s', (_name, start) => {
  test.each([true, false])(
    'runs no handler that the reference does not allow, with a lenient router: %s',
    async (lenient) => {
      let caller: RequestDescription = {};
      let authorizer = createAuthorizer({ ...scope, policies: [] });
      const ran: Ran[] = [];
      // Who calls is what the test says: how that is proven is tested elsewhere.
      const identify: InboundStep = {
        name: 'test',
        run: (_request, { context }) => {
          const { peer, claims = {} } = caller;
          const peerVerified = peer !== undefined;
          context.identity = { peer, peerVerified, principal: undefined, claims };
          return undefined;
        },
      };
      const decide: InboundStep = {
        name: 'policies',
        run: (incoming, exchange) => authorizer.step.run(incoming, exchange),
      };
      const app = await start({
        authenticate: { issuers, authorization: [identify, decide] },
        lenient,
        routes: paths,
        onRun: (one) => void ran.push(one),
      });
      try {
        await fc.assert(
          fc.asyncProperty(
            policies,
            request,
            fc.array(target, { minLength: 3, maxLength: 3 }),
            async (all, asked, targets) => {
              caller = asked;
              authorizer = createAuthorizer({ ...scope, policies: all });
              ran.length = 0;
              for (const one of targets) {
                const answer = await send(app.port, asked, one);
                expect(answer).toMatch(/^HTTP\/1\.1 (200|400|403|404) /);
              }
              for (const { method: as, route } of ran) {
                const seen = { ...asked, method: as, path: route };
                // `/a/*` allows `/a/`, by which a lenient router runs `/a`.
                const allowed =
                  referenceAllows(all, seen) ||
                  (lenient && referenceAllows(all, { ...seen, path: `${route}/` }));
                expect([seen, allowed]).toEqual([seen, true]);
              }
            },
          ),
          { numRuns: 60 },
        );
        // Else it might have shown nothing.
        authorizer = createAuthorizer({ ...scope, policies: [] });
        ran.length = 0;
        for (const path of paths) await send(app.port, {}, path);
        expect(ran.map(({ route }) => route)).toEqual(paths);
      } finally {
        await app.close();
      }
    },
  );
});
