import type { MutualTls, PeerAuthenticationSpec } from '../resources/index.ts';
import { workloadSelector } from './common.ts';
import { honoured, map, type ObjectType, object, oneOf, type Rule, text } from './field-type.ts';

const mutualTls: ObjectType = object<MutualTls>('PeerAuthentication.MutualTLS', {
  mode: honoured(oneOf('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'), 'What servers take.', {
    default: 'UNSET: inherited; nothing anywhere is PERMISSIVE',
  }),
});

const portNumber = text('port', 5, (value) =>
  /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535 ? undefined : 'must be within 1..65535',
);

const portsNeedSelector: Rule<PeerAuthenticationSpec> = (spec, report) => {
  if (spec.portLevelMtls === undefined) return;
  if (Object.keys(spec.portLevelMtls).length === 0) {
    report.error('missing_field', 'needs at least one port', 'portLevelMtls');
  }
  if (Object.keys(spec.selector?.matchLabels ?? {}).length > 0) return;
  report.error('conflict', 'needs a selector with labels', 'portLevelMtls');
};

export const peerAuthenticationSpec: ObjectType = object<PeerAuthenticationSpec>(
  'PeerAuthentication',
  {
    selector: honoured(workloadSelector, 'Which workloads of the namespace.', { default: 'all' }),
    mtls: honoured(mutualTls, 'For every port.'),
    portLevelMtls: honoured(map(portNumber, mutualTls), "By the workload's port."),
  },
  { rules: [portsNeedSelector] },
);
