import type { ConfigResource } from '@inmesh/core';

/** One destination of a split. */
interface SplitPart {
  /** The subset, or the host where there is none. */
  readonly label: string;
  readonly weight: number;
}

/** A route that divides its traffic among several destinations. */
export interface Split {
  readonly resource: ConfigResource;
  /** Index into `spec.http`. */
  readonly route: number;
  readonly name: string;
  readonly hosts: readonly string[];
  readonly parts: readonly SplitPart[];
  /** The annotation that keeps a user's version. */
  readonly sticky: string | undefined;
}

interface HttpRoute {
  readonly name?: string;
  readonly route?: readonly {
    readonly weight?: number;
    readonly destination?: { readonly host?: string; readonly subset?: string };
  }[];
}

interface RoutesSpec {
  readonly hosts?: readonly string[];
  readonly http?: readonly HttpRoute[];
}

/** The routes of VirtualServices with more than one destination. */
export function splitsOf(resources: readonly ConfigResource[]): readonly Split[] {
  return resources
    .filter(({ kind }) => kind === 'VirtualService')
    .flatMap((resource) => {
      const { hosts = [], http = [] } = (resource.spec ?? {}) as RoutesSpec;
      return http.flatMap(({ name, route = [] }, index): readonly Split[] => {
        if (route.length < 2) return [];
        const parts = route.map(({ weight = 0, destination }) => ({
          label: destination?.subset ?? destination?.host ?? '',
          weight,
        }));
        const sticky =
          resource.metadata.annotations?.[`inmesh.dev/sticky.${name}`] ??
          resource.metadata.annotations?.['inmesh.dev/sticky'];
        return [
          { resource, route: index, name: name ?? `route ${index + 1}`, hosts, parts, sticky },
        ];
      });
    });
}

/**
 * The weights when the part at `index` gets `percent`: the others keep their proportions, and all
 * come to 100. What rounding leaves goes to the largest of the others.
 */
export function moveWeight(
  weights: readonly number[],
  index: number,
  percent: number,
): readonly number[] {
  const others = weights.reduce((total, weight, i) => (i === index ? total : total + weight), 0);
  const rest = 100 - percent;
  const moved = weights.map((weight, i) => {
    if (i === index) return percent;
    return others === 0 ? 0 : Math.floor((weight * rest) / others);
  });
  const left = 100 - moved.reduce((total, weight) => total + weight, 0);
  const largest = weights.reduce(
    (best, weight, i) => (i !== index && (best < 0 || weight > (weights[best] ?? 0)) ? i : best),
    -1,
  );
  return moved.map((weight, i) => (i === largest ? weight + left : weight));
}

/** The resource of `split` with other weights. */
export function withWeights(
  { resource, route }: Split,
  weights: readonly number[],
): ConfigResource {
  const spec = structuredClone(resource.spec) as { http: { route: { weight: number }[] }[] };
  for (const [i, part] of (spec.http[route]?.route ?? []).entries()) part.weight = weights[i] ?? 0;
  return { ...resource, spec };
}

/** The two resources that divide a service among versions by weight. */
export function newSplit(
  service: { readonly name: string; readonly namespace: string },
  versions: readonly string[],
): readonly ConfigResource[] {
  const { name, namespace } = service;
  const metadata = { name, namespace };
  const weights = moveWeight(
    versions.map((_, i) => (i === 0 ? 100 : 0)),
    0,
    100,
  );
  return [
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata,
      spec: {
        host: name,
        subsets: versions.map((version) => ({ name: version, labels: { version } })),
      },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata,
      spec: {
        hosts: [name],
        http: [
          {
            name: 'split',
            route: versions.map((version, i) => ({
              destination: { host: name, subset: version },
              weight: weights[i],
            })),
          },
        ],
      },
    },
  ];
}
