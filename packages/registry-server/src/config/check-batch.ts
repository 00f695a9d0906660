import { setImmediate as turn } from 'node:timers/promises';
import { type Resource, resourceId, validate } from '@inmesh/config';
import type { ConfigKey, Problem, ResourcesApplied } from '@inmesh/core';
import { formatEntry } from './resource-entry.ts';

/** What is wrong, with JSON pointers into the request: `/resources/3/spec/http/0/timeout`. */
export type BatchFaults = NonNullable<Problem['errors']>;

/** Resources that were applied together, each looked at by itself. */
export interface CheckedBatch {
  readonly resources: ReadonlyMap<ConfigKey, Resource>;
  readonly warnings: ResourcesApplied['warnings'];
  /** One is enough for nothing to be applied. */
  readonly faults: BatchFaults;
}

/** A store takes values of 1 MiB; the rest is for the time of creation. */
const maxResourceBytes = 1_048_576 - 64;
/** More than anybody reads; the check ends there. */
const maxFaults = 100;
const maxWarnings = 1_000;
/** Between so many resources, renewals get their turn: 10,000 take half a second. */
const slice = 100;

/** Never throws, whatever `inputs` are. */
export async function checkBatch(inputs: readonly unknown[]): Promise<CheckedBatch> {
  const resources = new Map<ConfigKey, Resource>();
  const warnings: ResourcesApplied['warnings'][number][] = [];
  const faults: BatchFaults[number][] = [];
  for (const [i, input] of inputs.entries()) {
    if (faults.length >= maxFaults) break;
    if (i % slice === slice - 1) await turn();
    const at = `/resources/${i}`;
    const { resource, problems } = validate(input);
    for (const { severity, resource: key, path, reason } of problems) {
      if (severity === 'warning') warnings.push({ key: key ?? at, path, message: reason });
      else faults.push({ path: at + path, message: `${key ?? 'resource'}: ${reason}` });
    }
    if (resource === undefined) continue;
    const key = resourceId(resource);
    if (resources.has(key)) faults.push({ path: at, message: `${key} is given twice` });
    const bytes = Buffer.byteLength(formatEntry(resource));
    if (bytes > maxResourceBytes) {
      faults.push({
        path: at,
        message: `${key} has ${bytes} bytes, at most ${maxResourceBytes} are stored; divide it`,
      });
    }
    resources.set(key, resource);
  }
  return { resources, warnings: warnings.slice(0, maxWarnings), faults };
}
