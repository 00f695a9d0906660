import type { ConfigKey, ConfigResource } from '@inmesh/core';

/** What is wrong with a configuration. There is no using a part of it: whoever reads one leaves it whole. */
export class ConfigFault extends Error {}

/**
 * The resources that the wire or a file holds, by key. Only the envelope is looked at: what is in a
 * resource is the business of whoever uses it. Throws `ConfigFault`.
 */
export function checkResources(values: unknown): Map<ConfigKey, ConfigResource> {
  if (!Array.isArray(values)) throw new ConfigFault('resources are not a list');
  const resources = new Map<ConfigKey, ConfigResource>();
  for (const value of values) {
    const { apiVersion, kind, metadata } = record(value, 'resource');
    const { name, namespace } = record(metadata, 'metadata');
    text(apiVersion, 'apiVersion');
    const key = `${text(kind, 'kind')}/${text(namespace, 'namespace')}/${text(name, 'name')}`;
    if (resources.has(key)) throw new ConfigFault(`${key} is there twice`);
    resources.set(key, value as ConfigResource);
  }
  return resources;
}

/** Throws `ConfigFault` unless `value` may be a revision. */
export function checkConfigRevision(value: unknown): string {
  return text(value, 'revision');
}

function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new ConfigFault(`a ${what} is not an object`);
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= 253) return value;
  throw new ConfigFault(`${what} is not a text of 1 to 253 characters`);
}
