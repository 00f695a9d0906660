import { RE2JS } from 're2js';
import { type TextType, text } from './field-type.ts';

/** Istio's bound. */
export const maxRegexLength = 1_024;

/**
 * Bound on what a regex compiles to: `.{999}` a hundred times over is 600 characters, 100,000
 * instructions and 70 ms. What people write has dozens.
 */
const maxInstructions = 5_000;

/** Compiles as RE2, or says what is wrong. Never throws. */
export function compileRegex(
  pattern: string,
): { readonly regex: RE2JS } | { readonly reason: string } {
  if (pattern.length > maxRegexLength) {
    return { reason: `must be at most ${maxRegexLength} characters, got ${pattern.length}` };
  }
  try {
    const regex = RE2JS.compile(pattern);
    const size = regex.programSize();
    if (size > maxInstructions) {
      return { reason: `is too costly: ${size} instructions, at most ${maxInstructions}` };
    }
    return { regex };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return { reason: `is not a regular expression of RE2 (no look-around): ${message}` };
  }
}

function checkRegex(pattern: string): string | undefined {
  if (pattern === '') return 'must not be empty';
  const compiled = compileRegex(pattern);
  return 'reason' in compiled ? compiled.reason : undefined;
}

export const regex: TextType = text('regex (RE2)', maxRegexLength, checkRegex);

/** Where asking for mere presence makes sense, Istio reads `*` as that. */
export const presenceRegex: TextType = text('regex (RE2) or *', maxRegexLength, (pattern) =>
  pattern === '*' ? undefined : checkRegex(pattern),
);
