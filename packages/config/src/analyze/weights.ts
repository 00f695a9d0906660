import type { Analysis } from './analysis.ts';

/** Weights are relative, so that any sum works; one that is not 100 is mostly a slip. */
export function findWeights({ set, tell }: Analysis): void {
  for (const resource of set.list('VirtualService')) {
    resource.spec.http?.forEach(({ route = [] }, index) => {
      if (route.length < 2) return;
      const sum = route.reduce((total, { weight = 0 }) => total + weight, 0);
      if (sum === 100) return;
      const shares = route.map(({ weight = 0 }) => `${((weight / sum) * 100).toFixed(1)} %`);
      const reason = `weights add up to ${sum}, not 100: they are relative, and mean ${shares.join(', ')}`;
      tell('warning', 'weights_not_100', resource, ['spec', 'http', index, 'route'], reason);
    });
  }
}
