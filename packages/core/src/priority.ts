/** How much a request matters when there is too much to do: `batch` is shed first, `critical` last. */
export type Priority = 'critical' | 'default' | 'batch';

export const priorities: readonly Priority[] = Object.freeze(['critical', 'default', 'batch']);

/** `text` as it came in a header; what is no priority is `default`. */
export function parsePriority(text: string | undefined): Priority {
  return text === 'critical' || text === 'batch' ? text : 'default';
}
