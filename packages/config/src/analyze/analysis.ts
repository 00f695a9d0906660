import {
  defaultDomain,
  type Endpoint,
  isMeshError,
  type NameScope,
  parseMeshHost,
  type ServiceName,
  serviceHost,
} from '@inmesh/core';
import {
  jsonPointer,
  type Path,
  type Problem,
  type ProblemCode,
  type Severity,
} from '../problem.ts';
import { type Findings, record } from '../problem-list.ts';
import type { ResourceSet } from '../resource-set.ts';
import { type Resource, resourceId } from '../resources/index.ts';

/** A service as the registry knows it; an `EndpointList` is one. */
export interface KnownService {
  readonly service: ServiceName;
  readonly endpoints: readonly Pick<Endpoint, 'labels'>[];
}

/** One run of `analyze`: what the single findings share. */
export interface Analysis {
  readonly set: ResourceSet;
  /** By full host; `undefined` when nobody said which services there are. */
  readonly services: ReadonlyMap<string, KnownService> | undefined;
  /** The full host that a host in `resource` means: `reviews` is `reviews.default.svc.cluster.local`. Keeps wildcards. */
  hostOf(host: string, resource: Resource): string;
  tell(severity: Severity, code: ProblemCode, resource: Resource, path: Path, reason: string): void;
}

export interface AnalysisParts {
  readonly set: ResourceSet;
  readonly services: Iterable<KnownService> | undefined;
  readonly domain: string | undefined;
  readonly locate:
    | ((id: string, path: Path) => Pick<Problem, 'file' | 'line' | 'column'> | undefined)
    | undefined;
}

/** @param findings Gets what is told. */
export function createAnalysis(parts: AnalysisParts, findings: Findings): Analysis {
  const { set, locate, domain = defaultDomain } = parts;
  const services = parts.services === undefined ? undefined : [...parts.services];
  const namespaces = new Set([...set].map(({ metadata }) => metadata.namespace));
  for (const { service } of services ?? []) namespaces.add(service.slice(service.indexOf('.') + 1));
  const known = [...namespaces];
  return {
    set,
    services:
      services && new Map(services.map((known) => [serviceHost(known.service, domain), known])),
    hostOf: (host, { metadata }) =>
      fullHost(host, { namespace: metadata.namespace, domain, namespaces: known }),
    tell(severity, code, resource, path, reason) {
      const id = resourceId(resource);
      const place = locate?.(id, path);
      record(findings, {
        severity,
        code,
        resource: id,
        path: jsonPointer(path),
        reason,
        file: place?.file,
        line: place?.line,
        column: place?.column,
      });
    },
  };
}

function fullHost(host: string, scope: NameScope): string {
  const name = host.toLowerCase();
  if (name.startsWith('*')) return name;
  try {
    const service = parseMeshHost(name, scope);
    return service === undefined ? name : serviceHost(service, scope.domain);
  } catch (error) {
    // A name below the mesh's domain that is no service: kept, and then unknown to everybody.
    if (isMeshError(error)) return name;
    throw error;
  }
}

/** Whether `pattern` (a host or `*.suffix`, in full) speaks for `host` (in full, or a pattern itself). */
export function coversHost(pattern: string, host: string): boolean {
  if (pattern === '*' || pattern === host) return true;
  return pattern.startsWith('*.') && host.endsWith(pattern.slice(1));
}
