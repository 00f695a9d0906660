export interface DiffLine {
  /** `gap`: lines that are the same were left out; the text says how many. */
  readonly kind: 'same' | 'added' | 'removed' | 'gap';
  readonly text: string;
}

/** Beyond it the comparison of each line with each would take noticeable time; then all is shown as changed. */
const maxLines = 3_000;

/** What makes `after` out of `before`, line by line, with the longest common part kept. */
export function lineDiff(before: string, after: string): readonly DiffLine[] {
  const a = linesOf(before);
  const b = linesOf(after);
  if (a.length + b.length > maxLines) return [...marked('removed', a), ...marked('added', b)];
  const width = b.length + 1;
  /** At [i, j]: how many lines a from i and b from j have in common. */
  const common = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push({ kind: 'same', text: a[i] as string });
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      lines.push({ kind: 'removed', text: a[i] as string });
      i += 1;
    } else {
      lines.push({ kind: 'added', text: b[j] as string });
      j += 1;
    }
  }
  return [...lines, ...marked('removed', a.slice(i)), ...marked('added', b.slice(j))];
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function marked(kind: DiffLine['kind'], lines: readonly string[]): readonly DiffLine[] {
  return lines.map((text) => ({ kind, text }));
}

/** Lines before and after a change that show where it is. */
const contextLines = 4;

/** The same without what is far from every change. */
export function withoutDistant(lines: readonly DiffLine[]): readonly DiffLine[] {
  const near = new Set<number>();
  for (const [at, { kind }] of lines.entries()) {
    if (kind === 'same') continue;
    for (let i = at - contextLines; i <= at + contextLines; i += 1) near.add(i);
  }
  const kept: DiffLine[] = [];
  let left = 0;
  for (const [at, line] of [...lines, undefined].entries()) {
    if (line !== undefined && !near.has(at)) {
      left += 1;
      continue;
    }
    if (left > 0)
      kept.push({ kind: 'gap', text: `${left} line${left === 1 ? '' : 's'} as before` });
    left = 0;
    if (line !== undefined) kept.push(line);
  }
  return kept;
}
