import { isMeshError } from '@inmesh/core';
import {
  annotations,
  parseStickyKey,
  type Resource,
  type ResourceKind,
} from '../resources/index.ts';
import { closestName } from './closest-name.ts';
import type { Rule } from './field-type.ts';

/** One annotation that means something: where, and which values it takes. */
export interface AnnotationSchema {
  readonly key: string;
  readonly kind: ResourceKind;
  /** Whether `KEY.ROUTE` names one route of a VirtualService. */
  readonly perRoute: boolean;
  readonly values: string;
  readonly default: string;
  readonly note: string;
  /** Says what is wrong, or nothing. */
  readonly check: (value: string) => string | undefined;
}

function among(...values: string[]): Pick<AnnotationSchema, 'values' | 'check'> {
  return {
    values: values.join(', '),
    check: (value) =>
      values.includes(value)
        ? undefined
        : `must be ${values.map((item) => JSON.stringify(item)).join(' or ')}`,
  };
}

function checkStickyKey(value: string): string | undefined {
  try {
    parseStickyKey(value);
    return undefined;
  } catch (error) {
    if (isMeshError(error)) return error.message;
    throw error;
  }
}

export const annotationSchemas: readonly AnnotationSchema[] = [
  {
    key: annotations.sticky,
    kind: 'VirtualService',
    perRoute: true,
    values: 'header:NAME, cookie:NAME, baggage:KEY',
    check: checkStickyKey,
    default: 'every call is drawn anew',
    note: 'The same user keeps the same weighted destination, and its key travels on.',
  },
  {
    key: annotations.faultScope,
    kind: 'VirtualService',
    perRoute: true,
    ...among('call', 'attempt'),
    default: 'call',
    note: 'A fault acts once and switches retries and time-out off (Istio), or at every try.',
  },
  {
    key: annotations.mirrorMethods,
    kind: 'VirtualService',
    perRoute: true,
    ...among('safe', 'all'),
    default: 'safe',
    note: 'Mirrors copy GET, HEAD and OPTIONS, or everything (Istio).',
  },
  {
    key: annotations.retryNonIdempotent,
    kind: 'VirtualService',
    perRoute: true,
    ...among('true', 'false'),
    default: 'false',
    note: 'Retries also what may have been processed and is not idempotent (Istio).',
  },
  {
    key: annotations.allowMissingExpiry,
    kind: 'RequestAuthentication',
    perRoute: false,
    ...among('true', 'false'),
    default: 'false',
    note: 'Accepts tokens that never expire (Istio).',
  },
  {
    key: annotations.allowMissingAudience,
    kind: 'RequestAuthentication',
    perRoute: false,
    ...among('true', 'false'),
    default: 'false',
    note: 'Accepts rules without audiences, so tokens made for others (Istio).',
  },
  {
    key: annotations.dryRun,
    kind: 'AuthorizationPolicy',
    perRoute: false,
    ...among('true', 'false'),
    default: 'false',
    note: 'Only records what it would decide.',
  },
];

const ours = 'inmesh.dev/';

/** Our own annotations are checked like fields: a misspelt one would silently do nothing. */
export const checkAnnotations: Rule<Resource> = (resource, report) => {
  const all = resource.metadata.annotations ?? {};
  for (const [key, value] of Object.entries(all)) {
    const schema = annotationSchemas.find(
      (candidate) =>
        key === candidate.key || (candidate.perRoute && key.startsWith(`${candidate.key}.`)),
    );
    const at = ['metadata', 'annotations', key] as const;
    if (schema === undefined) {
      if (!key.startsWith(ours)) continue;
      const names = annotationSchemas.map((candidate) => candidate.key);
      report.error(
        'unknown_field',
        `is not an annotation of Inmesh${closestName(key, names)}`,
        ...at,
      );
      continue;
    }
    if (schema.kind !== resource.kind) {
      report.error('conflict', `belongs on a ${schema.kind}, not on a ${resource.kind}`, ...at);
      continue;
    }
    const wrong = schema.check(value);
    if (wrong !== undefined) report.error('invalid_value', wrong, ...at);
    if (key === schema.key || resource.kind !== 'VirtualService') continue;
    const route = key.slice(schema.key.length + 1);
    if (resource.spec.http?.some(({ name }) => name === route)) continue;
    report.error('invalid_value', `names the route ${route}, which is not there`, ...at);
  }
};

/** A token made for another service must not open this one, so leaving audiences out has to be said. */
export const audiencesAreNamed: Rule<Resource> = (resource, report) => {
  if (resource.kind !== 'RequestAuthentication') return;
  if (resource.metadata.annotations?.[annotations.allowMissingAudience] === 'true') return;
  resource.spec.jwtRules?.forEach(({ audiences = [] }, index) => {
    if (audiences.length > 0) return;
    const reason = `is needed, else tokens made for others pass; ${annotations.allowMissingAudience}: 'true' allows it`;
    report.error('missing_field', reason, 'spec', 'jwtRules', index, 'audiences');
  });
};
