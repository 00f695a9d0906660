import { MeshError } from '@inmesh/core';
import { LineCounter } from 'yaml';
import { isRecord } from '../cursor.ts';
import type { Path, Problem } from '../problem.ts';
import {
  createProblemList,
  type Findings,
  type Locate,
  maxProblems,
  noFindings,
  record,
} from '../problem-list.ts';
import { type Resource, type ResourceId, resourceId } from '../resources/index.ts';
import { checkResource } from '../validate.ts';
import { yamlValues } from './yaml-document.ts';
import { TooDeep, yamlDocuments } from './yaml-text.ts';

/**
 * Characters in one text. 10,000 routes with two destinations each are 2.7 million; parsing takes
 * about 0.7 s a million.
 */
export const maxTextLength: number = 8 * 1024 * 1024;

/** One text of a batch. JSON is read as YAML, which contains it. */
export interface ResourceText {
  readonly text: string;
  /** For the places of problems; a path or a URL. */
  readonly file?: string;
}

/** Where something stands in the texts that were parsed. */
export interface SourcePlace {
  readonly file: string | undefined;
  readonly line: number;
  readonly column: number;
}

/** What a batch holds: every resource, or, with an error anywhere, none. */
export interface ParsedResources {
  /** In the order of the texts; empty when any problem is an error. */
  readonly resources: readonly Resource[];
  /** Errors and warnings, at most 100 of each. */
  readonly problems: readonly Problem[];
  /** Where a field of a parsed resource stands, for problems that are found later. */
  readonly locate: (id: ResourceId, path: Path) => SourcePlace | undefined;
}

/**
 * Reads one text with any number of documents (YAML or JSON; also `kind: List`).
 *
 * Never throws for what the text says: everything wrong with it is in `problems`. Throws
 * `invalid_argument` when `text` is not a string.
 */
export function parseResources(
  text: string,
  options: { readonly file?: string } = {},
): ParsedResources {
  return parseBatch([{ text, ...options }]);
}

/** Reads several texts as one batch: an error in one refuses them all, and no resource may come twice. */
export function parseBatch(texts: Iterable<ResourceText>): ParsedResources {
  const batch: Batch = { findings: noFindings(), found: new Map() };
  for (const { text, file } of texts) {
    if (typeof text !== 'string') {
      throw new MeshError('invalid_argument', `resources must be a text, got ${typeof text}`);
    }
    readText(text, file, batch);
  }
  const { findings, found } = batch;
  const resources = findings.errors > 0 ? [] : [...found.values()].map(({ resource }) => resource);
  return {
    resources,
    problems: findings.problems,
    locate: (id, path) => {
      const origin = found.get(id);
      const place = origin?.locate(path, 'value');
      return place === undefined ? undefined : { file: origin?.file, ...place };
    },
  };
}

interface Origin {
  readonly resource: Resource;
  readonly file: string | undefined;
  readonly locate: Locate;
}

interface Batch {
  readonly findings: Findings;
  readonly found: Map<ResourceId, Origin>;
}

function readText(text: string, file: string | undefined, batch: Batch): void {
  if (text.length > maxTextLength) {
    const inFile = { file, line: undefined, column: undefined };
    const reason = `has ${text.length} characters, at most ${maxTextLength} are allowed`;
    record(batch.findings, textProblem({ code: 'too_large', reason, ...inFile }));
    return;
  }
  const lines = new LineCounter();
  let documents: ReturnType<typeof yamlDocuments>;
  try {
    documents = yamlDocuments(text, lines);
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
    const { line, col } = lines.linePos(error.offset);
    const place = { file, line, column: col };
    record(batch.findings, textProblem({ code: 'too_large', reason: error.message, ...place }));
    return;
  }
  for (const document of documents) {
    if (batch.findings.errors >= maxProblems) return;
    const failures = [...document.errors, ...document.warnings];
    for (const failure of failures.slice(0, maxProblems)) {
      const { line, col } = lines.linePos(failure.pos[0]);
      const [reason = ''] = failure.message.split('\n');
      const problem = textProblem({ code: 'syntax', reason, file, line, column: col });
      record(batch.findings, problem);
    }
    if (failures.length > 0) continue;
    const { value, locate, mistakes } = yamlValues(document, lines);
    for (const mistake of mistakes.slice(0, maxProblems)) {
      record(batch.findings, textProblem({ ...mistake, file }));
    }
    if (mistakes.length === 0) readDocument(value, file, locate, batch);
  }
}

function textProblem(
  found: Pick<Problem, 'code' | 'reason' | 'file' | 'line' | 'column'>,
): Problem {
  return { severity: 'error', resource: undefined, path: '', ...found };
}

/** One resource, or the `List` that kubectl prints. An empty document (`---` at the end) is nothing. */
function readDocument(
  value: unknown,
  file: string | undefined,
  locate: Locate,
  batch: Batch,
): void {
  if (value === null || value === undefined) return;
  if (isRecord(value) && value.kind === 'List' && Array.isArray(value.items)) {
    value.items.forEach((item, index) => {
      const within: Locate = (path, at) => locate(['items', index, ...path], at);
      readResource(item, file, within, batch);
    });
    return;
  }
  readResource(value, file, locate, batch);
}

function readResource(
  value: unknown,
  file: string | undefined,
  locate: Locate,
  batch: Batch,
): void {
  const list = createProblemList(batch.findings, { file, locate });
  if (list.full) return;
  const resource = checkResource(value, list);
  if (isRecord(value) && typeof value.kind === 'string' && value.apiVersion === undefined) {
    list.add('error', 'missing_field', ['apiVersion'], 'is needed', 'key');
  }
  if (resource === undefined) return;
  const id = resourceId(resource);
  const earlier = batch.found.get(id);
  if (earlier === undefined) {
    batch.found.set(id, { resource, file, locate });
    return;
  }
  const place = [earlier.file, earlier.locate([], 'value')?.line].filter(
    (part) => part !== undefined,
  );
  list.add('error', 'duplicate', ['metadata', 'name'], `is defined already at ${place.join(':')}`);
}
