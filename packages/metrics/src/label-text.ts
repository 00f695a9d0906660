/** Longer than every valid name (253) and short enough that 2,000 series of hostile ones stay small. */
const maxLabelLength = 256;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]|\p{Bidi_Control}/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const unsafeAll = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]|\p{Bidi_Control}/gu;

/**
 * `text` as it may stand in a label, a log line or a terminal: control characters (CR, LF, the
 * escape of ANSI codes), half surrogates and marks that turn the reading direction become visible
 * (`\u001b`), and what is longer than `maxLabelLength` is cut. Safe text comes back as it is.
 *
 * Done when a label is stored, not when it is shown, so that two raw texts that look the same
 * are one series in every adapter.
 */
export function labelText(text: string): string {
  const cut = text.length <= maxLabelLength ? text : `${text.slice(0, maxLabelLength - 1)}…`;
  return unsafe.test(cut) ? cut.replace(unsafeAll, visible) : cut;
}

function visible(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
