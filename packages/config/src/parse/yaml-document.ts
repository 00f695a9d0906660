import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
} from 'yaml';
import { shown } from '../cursor.ts';
import type { Path, ProblemCode } from '../problem.ts';
import type { Locate } from '../problem-list.ts';
import { maxDepth } from './yaml-text.ts';

/** 10,000 full routes are 300,000 values. */
const maxValues = 2_000_000;
/** Each use of an anchor counts, and again in every copy: what a bomb multiplies. */
const maxAliases = 1_000;

/** The values of one document, with the way back to their places in the text. */
export interface YamlValues {
  readonly value: unknown;
  readonly locate: Locate;
  /** What makes the value unusable: told at a place of the text, not of a resource. */
  readonly mistakes: readonly YamlMistake[];
}

interface YamlMistake {
  readonly code: ProblemCode;
  readonly reason: string;
  readonly line: number | undefined;
  readonly column: number | undefined;
}

/** Ends the reading of a document at its first limit that is passed. */
class Limit extends Error {}

/**
 * Plain values from a parsed document. Written here instead of `document.toJS()`, which finds
 * aliases and repeated keys by searching: quadratic in what a stranger sends.
 */
export function yamlValues(document: Document, lines: LineCounter): YamlValues {
  const mistakes: YamlMistake[] = [];
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  let values = 0;
  let aliases = 0;
  let insideAlias = 0;

  const mistake = (code: ProblemCode, node: unknown, reason: string): void => {
    mistakes.push({ code, reason, ...placeOf(node, lines) });
  };
  const limit = (node: unknown, reason: string): never => {
    mistake('too_large', node, reason);
    throw new Limit(reason);
  };

  const read = (node: unknown, depth: number): unknown => {
    values += 1;
    if (values > maxValues) limit(node, `more than ${maxValues} values in one document`);
    if (depth > maxDepth) limit(node, `nested more than ${maxDepth} levels deep`);
    if (isAlias(node)) return readAlias(node, depth);
    if (insideAlias === 0 && (isMap(node) || isSeq(node) || isScalar(node)) && node.anchor) {
      anchors.set(node.anchor, node);
    }
    if (isMap(node)) return readMap(node.items, depth);
    if (isSeq(node)) return node.items.map((item) => read(item, depth + 1));
    if (isScalar(node)) return readScalar(node.value, node);
    return null;
  };
  const readAlias = (alias: Alias, depth: number): unknown => {
    aliases += 1;
    if (aliases > maxAliases) limit(alias, `anchors are used more than ${maxAliases} times`);
    const target = targets.get(alias) ?? anchors.get(alias.source);
    if (target === undefined) {
      mistake('syntax', alias, `the anchor ${shown(alias.source)} is not defined before its use`);
      return null;
    }
    targets.set(alias, target);
    insideAlias += 1;
    const value = read(target, depth + 1);
    insideAlias -= 1;
    return value;
  };
  const readMap = (pairs: readonly Pair<unknown, unknown>[], depth: number): object => {
    const entries = new Map<string, unknown>();
    for (const pair of pairs) {
      const key = keyText(pair.key);
      if (key === undefined) {
        mistake('syntax', pair.key, 'a key must be a text');
      } else if (entries.has(key)) {
        mistake('duplicate', pair.key, `the key ${shown(key)} is given twice`);
      } else {
        entries.set(key, read(pair.value, depth + 1));
      }
    }
    // Makes `__proto__` an own property like any other; the check refuses it by name.
    return Object.fromEntries(entries);
  };
  const readScalar = (value: unknown, node: unknown): unknown => {
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value;
    mistake('syntax', node, 'only texts, numbers, true, false and null are supported');
    return null;
  };

  let value: unknown;
  try {
    value = read(document.contents, 0);
  } catch (error) {
    if (!(error instanceof Limit)) throw error;
  }
  const locate: Locate = (path, at) => locateIn(document.contents, path, at, targets, lines);
  return { value, locate, mistakes };
}

/** `9080: …` means the key "9080"; maps, lists and null are no keys. */
function keyText(key: unknown): string | undefined {
  if (!isScalar(key) || key.value === null) return undefined;
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
}

/** The place of `path`, or of the nearest part around it that stands in the text. */
function locateIn(
  root: unknown,
  path: Path,
  at: 'key' | 'value',
  targets: ReadonlyMap<Alias, Node>,
  lines: LineCounter,
): { line: number; column: number } | undefined {
  let place = root;
  let node = root;
  for (const [index, part] of path.entries()) {
    const holder = isAlias(node) ? targets.get(node) : node;
    if (isMap(holder)) {
      const pair = holder.items.find((candidate) => keyText(candidate.key) === String(part));
      if (pair === undefined) break;
      const last = index === path.length - 1;
      // An empty value has no useful place of its own; its key has.
      const empty = isScalar(pair.value) && pair.value.source === '';
      place = (last && at === 'key') || empty ? pair.key : pair.value;
      node = pair.value;
    } else if (isSeq(holder)) {
      node = holder.items[Number(part)];
      if (node === undefined) break;
      place = node;
    } else {
      break;
    }
  }
  const found = placeOf(place, lines);
  return found.line === undefined || found.column === undefined
    ? undefined
    : { line: found.line, column: found.column };
}

function placeOf(
  node: unknown,
  lines: LineCounter,
): { line: number | undefined; column: number | undefined } {
  const start = (node as Node | null | undefined)?.range?.[0];
  if (start === undefined) return { line: undefined, column: undefined };
  const { line, col } = lines.linePos(start);
  return { line, column: col };
}
