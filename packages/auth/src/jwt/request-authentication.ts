import { type RequestAuthentication, resourceId, selectsWorkload } from '@inmesh/config';
import type { Workload } from '@inmesh/core';
import type { InboundStep } from '@inmesh/inbound';
import { resolveTokenOptions, type TokenOptions } from './authentication-options.ts';
import { compileJwtRule } from './compile-jwt-rule.ts';
import { tokenAuthentication } from './token-authentication.ts';
import { createTokenVerifier, type TokenVerifier } from './token-verifier.ts';

export interface RequestAuthenticationOptions extends TokenOptions {
  /** Which resources apply goes by its namespace and labels. */
  readonly workload: Workload;
  /** Resources of this namespace apply to all. @default 'istio-system' */
  readonly rootNamespace?: string;
}

/** `RequestAuthentication` resources at work. */
export interface RequestAuthenticator {
  /** For `createPipeline({ authentication: [step] })`. */
  readonly step: InboundStep;
  /**
   * Takes these instead of those before, all or none of them; keys and verified tokens of rules that
   * stay are kept. Throws `invalid_resource`.
   */
  update(resources: readonly RequestAuthentication[]): void;
  /** Stops fetching keys. Idempotent. */
  close(): void;
}

/** Starts without any rule: every request passes without identity. */
export function createRequestAuthenticator(
  options: RequestAuthenticationOptions,
): RequestAuthenticator {
  const { workload, rootNamespace = 'istio-system' } = options;
  const tokens = resolveTokenOptions(options);
  /** By what they are made of, so that a rule which stays the same stays the same object. */
  let verifiers: ReadonlyMap<string, TokenVerifier> = new Map();
  let list: readonly TokenVerifier[] = [];
  const close = (): void => {
    // The rules stay: after the end, too, a bad token must not become no token.
    for (const verifier of list) verifier.close();
  };
  const step = tokenAuthentication(() => list, tokens);
  return {
    step: { ...step, close },
    update(resources) {
      const next = new Map<string, TokenVerifier>();
      const made: TokenVerifier[] = [];
      try {
        for (const resource of resources) {
          if (!selectsWorkload(resource, workload, rootNamespace)) continue;
          resource.spec.jwtRules?.forEach((rule, index) => {
            const key = JSON.stringify([
              resourceId(resource),
              index,
              rule,
              resource.metadata.annotations,
            ]);
            let verifier = verifiers.get(key);
            if (verifier === undefined) {
              verifier = createTokenVerifier(compileJwtRule(resource, index, tokens), tokens);
              made.push(verifier);
            }
            next.set(key, verifier);
          });
        }
      } catch (error) {
        for (const verifier of made) verifier.close();
        throw error;
      }
      for (const [key, verifier] of verifiers) if (!next.has(key)) verifier.close();
      verifiers = next;
      list = [...next.values()];
    },
    close,
  };
}
