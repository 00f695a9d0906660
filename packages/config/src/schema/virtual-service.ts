import type { VirtualServiceSpec } from '../resources/index.ts';
import { exportTo } from './common.ts';
import { atLeastOneOf } from './exclusive.ts';
import { any, honoured, ignored, list, type ObjectType, object, type Rule } from './field-type.ts';
import { hostPattern, nonEmpty } from './formats.ts';
import { httpRoute } from './http-route.ts';

const level4 = 'level 4 is not routed by an HTTP library';

/** Whether mesh clients go by this resource: Istio's reserved gateway `mesh`. */
export function appliesToMesh(gateways: readonly string[] | undefined): boolean {
  return gateways === undefined || gateways.length === 0 || gateways.includes('mesh');
}

const tellGateways: Rule<VirtualServiceSpec> = ({ gateways }, report) => {
  if (gateways === undefined) return;
  if (!appliesToMesh(gateways)) {
    const reason = 'is for gateways only, so mesh clients pass over it: add mesh, or leave it out';
    report.warning('not_honoured', reason, 'gateways');
    return;
  }
  gateways.forEach((gateway, index) => {
    if (gateway === 'mesh') return;
    report.warning('not_honoured', 'gateways are not part of this mesh', 'gateways', index);
  });
};

const needsHosts: Rule<VirtualServiceSpec> = ({ hosts, gateways }, report) => {
  if (hosts.length === 0) {
    const reason = 'needs a host; without any it would be a delegate, which is not supported';
    report.error('not_supported', reason, 'hosts');
  }
  const everything = hosts.indexOf('*');
  if (everything >= 0 && appliesToMesh(gateways)) {
    report.error('invalid_value', 'must not be * for mesh clients', 'hosts', everything);
  }
};

/** Istio: a wildcard and a host below it in one resource are duplicates as well. */
const refuseOverlappingHosts: Rule<VirtualServiceSpec> = ({ hosts }, report) => {
  const seen = new Set<string>();
  const names = hosts.map((host) => host.toLowerCase());
  names.forEach((host, index) => {
    if (seen.has(host)) report.error('duplicate', `${host} is listed twice`, 'hosts', index);
    seen.add(host);
  });
  names.forEach((host, index) => {
    const labels = (host.startsWith('*.') ? host.slice(2) : host).split('.');
    for (let from = 1; from <= labels.length; from += 1) {
      const wildcard = from === labels.length ? '*' : `*.${labels.slice(from).join('.')}`;
      if (!seen.has(wildcard) || wildcard === host) continue;
      report.error('duplicate', `${host} is covered by ${wildcard}`, 'hosts', index);
      return;
    }
  });
};

export const virtualServiceSpec: ObjectType = object<VirtualServiceSpec>(
  'VirtualService',
  {
    hosts: honoured(
      list(hostPattern, { max: 10_000 }),
      'Exact beats wildcard, longer beats shorter.',
      {
        required: true,
      },
    ),
    gateways: honoured(list(nonEmpty, { max: 1_000 }), 'Applies when it contains `mesh`.', {
      default: '[mesh]',
    }),
    http: honoured(list(httpRoute), 'In order; the first that matches decides; none is 404.'),
    tls: ignored(list(any), level4),
    tcp: ignored(list(any), level4),
    exportTo: honoured(exportTo, 'Namespaces that see it.', { default: "['*']" }),
  },
  {
    rules: [
      needsHosts,
      atLeastOneOf<VirtualServiceSpec>('http', 'tls', 'tcp'),
      tellGateways,
      refuseOverlappingHosts,
    ],
  },
);
