import { MeshError } from '@inmesh/core';
import {
  annotations,
  type DestinationRule,
  parseStickyKey,
  type VirtualService,
} from './resources/index.ts';
import { defineResource } from './validate.ts';

/** `inmesh split reviews v1=90 v2=10 --sticky header:user-id`, as a value. */
export interface SplitOptions {
  readonly service: string;
  /** @default 'default' */
  readonly namespace?: string;
  /** Weights by version: the value of the label `version`, and the subset's name. */
  readonly weights: Readonly<Record<string, number>>;
  /** `header:NAME`, `cookie:NAME` or `baggage:KEY`. @default every call is drawn anew */
  readonly sticky?: string;
}

/**
 * The two resources that split a service's traffic by version, both named after the service.
 * They replace what is stored under these names. Throws `invalid_argument` or `invalid_resource`.
 */
export function splitTraffic(options: SplitOptions): readonly [VirtualService, DestinationRule] {
  const { service: name, namespace = 'default', sticky } = options;
  const weights = Object.entries(options.weights);
  if (weights.length === 0) {
    throw new MeshError('invalid_argument', `${name}: give at least one version, such as v1=100`);
  }
  if (sticky !== undefined) parseStickyKey(sticky);
  const virtualService = defineResource({
    kind: 'VirtualService',
    metadata: {
      name,
      namespace,
      ...(sticky === undefined ? {} : { annotations: { [annotations.sticky]: sticky } }),
    },
    spec: {
      hosts: [name],
      http: [
        {
          name: 'split',
          route: weights.map(([subset, weight]) => ({
            destination: { host: name, subset },
            weight,
          })),
        },
      ],
    },
  });
  const destinationRule = defineResource({
    kind: 'DestinationRule',
    metadata: { name, namespace },
    spec: {
      host: name,
      subsets: weights.map(([version]) => ({ name: version, labels: { version } })),
    },
  });
  return [virtualService, destinationRule];
}
