import { ipBlock } from './ip-block.ts';
import { loosePath } from './loose-path.ts';
import { pathPattern } from './path-pattern.ts';
import { type PolicyScope, underEveryTrustDomain } from './policy-scope.ts';
import { type TextPattern, textPattern } from './text-pattern.ts';

/** The values of one condition, compiled for the two readings of its attribute. */
export interface ValuePatterns {
  readonly strict: readonly TextPattern[];
  readonly loose: readonly TextPattern[];
}

/** `undefined` when some value has no meaning for the attribute. */
export function valuePatterns(
  key: string,
  values: readonly string[],
  policyNamespace: string,
  scope: PolicyScope,
): ValuePatterns | undefined {
  switch (key) {
    case 'source.ip':
    case 'remote.ip':
    case 'destination.ip': {
      const blocks = values.map(ipBlock);
      if (blocks.includes(undefined)) return undefined;
      return alike(
        blocks.map((block) => ({
          exact: undefined,
          matches: (ip) => block?.contains(ip) === true,
        })),
      );
    }
    case 'source.principal':
      return alike(values.flatMap((value) => underEveryTrustDomain(value, scope)).map(textPattern));
    case 'source.serviceAccount':
      // `sa` is one of the policy's own namespace.
      return alike(
        values.map((value) => exactly(value.includes('/') ? value : `${policyNamespace}/${value}`)),
      );
    case 'request.auth.principal':
      return { strict: values.map(requestPrincipalPattern), loose: values.map(textPattern) };
    case 'request.host':
      return alike(values.map((value) => textPattern(value.toLowerCase())));
    case 'request.path': {
      const strict = values.map(pathPattern);
      const loosened = values.filter((value) => loosePath(value) !== value);
      return {
        strict,
        loose: [...strict, ...loosened.map((value) => pathPattern(loosePath(value)))],
      };
    }
    default:
      return alike(values.map(textPattern));
  }
}

function alike(patterns: readonly TextPattern[]): ValuePatterns {
  return { strict: patterns, loose: patterns };
}

function exactly(text: string): TextPattern {
  return { exact: text, matches: (value) => value === text };
}

/**
 * `https://issuer/*` is any subject of this very issuer: not one of `https://issuer/tenant`. The
 * subject has no slash here, so the last one parts the two.
 */
function requestPrincipalPattern(pattern: string): TextPattern {
  if (pattern === '*' || !pattern.endsWith('*')) return textPattern(pattern);
  const prefix = pattern.slice(0, -1);
  return {
    exact: undefined,
    matches: (text) => text.startsWith(prefix) && text.lastIndexOf('/') < prefix.length,
  };
}
