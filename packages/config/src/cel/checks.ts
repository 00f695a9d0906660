import { celAttributes, celReplacement } from './attributes.ts';
import type { CelNode } from './nodes.ts';
import { CelSyntaxError, type Token } from './tokens.ts';

/** Where something is wrong. */
type Place = Pick<Token, 'at'>;

export function unexpected(token: Token): CelSyntaxError {
  return new CelSyntaxError(`does not expect ${token.text}`, token.at);
}

export function unknownAttribute(name: string, { at }: Place): CelSyntaxError {
  const replacement = celReplacement(name);
  const known = [...celAttributes.keys()].join(', ');
  return new CelSyntaxError(
    replacement === undefined
      ? `does not know ${name}; there are ${known}`
      : `has no ${name}: ${replacement}`,
    at,
  );
}

export function needs(type: CelNode['type'], node: CelNode, { at }: Place): void {
  needsOneOf([type], node, { at });
}

export function needsOneOf(
  types: readonly CelNode['type'][],
  { type }: CelNode,
  { at }: Place,
): void {
  if (!types.includes(type)) {
    throw new CelSyntaxError(`needs ${types.join(' or ')} and not ${type}`, at);
  }
}

/** A regex, a header's name and a duration are made once, so they must not depend on a request. */
export function constantText(node: CelNode, { at }: Place): string {
  const value = node.evaluate({
    attribute: () => undefined,
    header: () => undefined,
  });
  if (typeof value === 'string') return value;
  throw new CelSyntaxError('needs a text in quotes', at);
}
