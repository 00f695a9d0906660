import { isMeshError } from '@inmesh/core';
import { parseDurationMs } from '../duration.ts';
import { compileRegex } from '../schema/regex.ts';
import { constantText, needs, needsOneOf } from './checks.ts';
import { apply, type CelNode, type CelValue, literal } from './nodes.ts';
import { CelSyntaxError, type Token } from './tokens.ts';

const textMethods: ReadonlyMap<string, (text: string, part: string) => boolean> = new Map([
  ['startsWith', (text, part) => text.startsWith(part)],
  ['endsWith', (text, part) => text.endsWith(part)],
  ['contains', (text, part) => text.includes(part)],
]);

/** `string(…)` and `duration('…')`. Throws `CelSyntaxError`. */
export function callFunction(name: Token, argument: CelNode): CelNode {
  switch (name.text) {
    case 'string':
      needsOneOf(['text', 'number', 'boolean'], argument, name);
      return apply('text', [argument], (value: CelValue) => String(value));
    case 'duration':
      return literal('duration', durationMs(constantText(argument, name), name));
    default:
      throw new CelSyntaxError(`does not know the function ${name.text}`, name.at);
  }
}

function durationMs(text: string, { at }: Token): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw isMeshError(error) ? new CelSyntaxError(`has a wrong ${error.message}`, at) : error;
  }
}

/** A method of a text. Throws `CelSyntaxError`. */
export function callMethod(of: CelNode, method: Token, argument: CelNode): CelNode {
  needs('text', of, method);
  needs('text', argument, method);
  if (method.text === 'matches') {
    const compiled = compileRegex(constantText(argument, method));
    if ('reason' in compiled) throw new CelSyntaxError(compiled.reason, method.at);
    return apply('boolean', [of], (text: string) => compiled.regex.matcher(text).find());
  }
  const test = textMethods.get(method.text);
  if (test === undefined) {
    throw new CelSyntaxError(`does not know the method ${method.text}`, method.at);
  }
  return apply('boolean', [of, argument], test as (...values: never[]) => CelValue);
}
