import { check, runRules } from './check.ts';
import { isRecord, shown } from './cursor.ts';
import { type Problem, refuseErrors } from './problem.ts';
import { createProblemList, noFindings, type ProblemList } from './problem-list.ts';
import { type Resource, type ResourceInput, resourceId } from './resources/index.ts';
import { audiencesAreNamed, checkAnnotations } from './schema/annotations.ts';
import { closestName } from './schema/closest-name.ts';
import { type KindSchema, kinds, refusedKinds } from './schema/kinds.ts';
import { metadata } from './schema/metadata.ts';

/** What `validate` found. `resource` is there when no error is among the problems. */
export interface Validation {
  /** In canonical form and deeply frozen. */
  readonly resource: Resource | undefined;
  readonly problems: readonly Problem[];
}

/** Checks one resource made in code, or parsed elsewhere. Never throws. */
export function validate(value: unknown): Validation {
  const findings = noFindings();
  const resource = checkResource(value, createProblemList(findings));
  return { resource, problems: findings.problems };
}

/**
 * A resource written in code: checked, in canonical form, frozen. Version and namespace may be left
 * out. Throws `invalid_resource` with every error; warnings are dropped (`validate` tells them).
 */
export function defineResource<I extends ResourceInput>(
  input: I,
): Extract<Resource, { kind: I['kind'] }> {
  const { resource, problems } = validate(input);
  refuseErrors(problems);
  return resource as Extract<Resource, { kind: I['kind'] }>;
}

const validated = new WeakSet<object>();

/** Whether this very object came out of the check, so that it need not be checked again. */
export function isValidated(resource: object): resource is Resource {
  return validated.has(resource);
}

/** Checks envelope, metadata and spec. `undefined` when there was an error. */
export function checkResource(value: unknown, list: ProblemList): Resource | undefined {
  if (!isRecord(value)) {
    list.add(
      'error',
      'wrong_type',
      [],
      'must be a resource: a map with apiVersion, kind, metadata',
    );
    return undefined;
  }
  list.name(claimedId(value));
  const schema = findKind(value, list);
  if (schema === undefined) return undefined;
  const errorsBefore = list.errors;
  for (const key of Object.keys(value)) {
    if (['apiVersion', 'kind', 'metadata', 'spec'].includes(key)) continue;
    if (key === 'status') {
      list.add(
        'warning',
        'not_honoured',
        [key],
        'is left out: it tells a state, not a wish',
        'key',
      );
    } else {
      const hint = closestName(key, ['apiVersion', 'kind', 'metadata', 'spec']);
      list.add('error', 'unknown_field', [key], `${shown(key)} is not a field${hint}`, 'key');
    }
  }
  const checkedMetadata = check(metadata, withoutNulls(value.metadata), list, ['metadata']);
  const spec = check(schema.spec, value.spec ?? {}, list, ['spec']);
  if (list.errors > errorsBefore) return undefined;
  const resource = {
    apiVersion: value.apiVersion ?? `${schema.group}/${schema.versions[0]}`,
    kind: schema.kind,
    metadata: checkedMetadata,
    spec,
  } as Resource;
  runRules([checkAnnotations, audiencesAreNamed], resource, list, []);
  if (list.errors > errorsBefore) return undefined;
  if (schema.notEnforced !== undefined) {
    list.add('warning', 'not_honoured', [], schema.notEnforced);
  }
  validated.add(resource);
  return deepFreeze(resource);
}

/** The schema for `apiVersion` and `kind`; tells what is wrong with them. */
function findKind(
  value: Readonly<Record<string, unknown>>,
  list: ProblemList,
): KindSchema | undefined {
  const { kind, apiVersion } = value;
  if (typeof kind !== 'string') {
    list.add('error', 'missing_field', ['kind'], 'is needed: the kind of the resource', 'key');
    return undefined;
  }
  const schema = kinds.get(kind);
  if (schema === undefined) {
    const instead = refusedKinds.get(kind);
    const reason =
      instead === undefined
        ? `${shown(kind)} is not a kind of this mesh${closestName(kind, kinds.keys())}; known are ${[...kinds.keys()].join(', ')}`
        : `${kind} is not supported: ${instead}`;
    list.add('error', 'unknown_kind', ['kind'], reason);
    return undefined;
  }
  const served = schema.versions.map((version) => `${schema.group}/${version}`);
  if (apiVersion === undefined || served.includes(apiVersion as string)) return schema;
  const got = typeof apiVersion === 'string' ? shown(apiVersion) : typeof apiVersion;
  const reason = `of ${kind} must be one of ${served.join(', ')}, got ${got}`;
  list.add('error', 'unsupported_version', ['apiVersion'], reason);
  return undefined;
}

/** What a resource calls itself, for problems with it; as far as that can be shown. */
function claimedId(value: Readonly<Record<string, unknown>>): string | undefined {
  const claimed = isRecord(value.metadata) ? value.metadata : {};
  const part = (text: unknown, fallback: string): string =>
    typeof text === 'string' && /^[\w.-]{1,253}$/.test(text) ? text : fallback;
  if (typeof value.kind !== 'string') return undefined;
  return resourceId({
    kind: part(value.kind, '?'),
    metadata: { name: part(claimed.name, '?'), namespace: part(claimed.namespace, 'default') },
  });
}

/** Generators print `creationTimestamp: null`: in metadata, and only there, null is nothing. */
function withoutNulls(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null));
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const entry of Object.values(value)) deepFreeze(entry);
  return Object.freeze(value);
}
