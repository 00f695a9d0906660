import { isIP } from 'node:net';
import type { ServiceEntrySpec, ServicePort, WorkloadEntrySpec } from '../resources/index.ts';
import { exportTo, labels } from './common.ts';
import { refuseRepeats } from './exclusive.ts';
import {
  honoured,
  ignored,
  int32,
  list,
  map,
  type ObjectType,
  object,
  oneOf,
  port,
  type Rule,
  refusing,
  required,
  text,
} from './field-type.ts';
import { anyText, host, hostPattern, ipBlock, label, nonEmpty } from './formats.ts';

const protocols = ['HTTP', 'HTTPS', 'TLS', 'TCP', 'GRPC', 'GRPC-WEB', 'HTTP2', 'MONGO'];

const protocol = text('protocol', 16, (value) =>
  protocols.includes(value.toUpperCase()) ? undefined : `must be one of ${protocols.join(', ')}`,
);

const servicePort: ObjectType = object<ServicePort>('ServicePort', {
  number: required(port, 'What callers write in the URL.'),
  protocol: honoured(protocol, 'HTTPS and TLS: `http://` URLs are not upgraded by it.', {
    default: 'HTTP',
  }),
  name: required(label, 'Unique in the entry.'),
  targetPort: honoured(port, 'What is connected to.', { default: 'number' }),
});

const unspecified = new Set(['0.0.0.0', '::']);

const address = text('address or host', 253, (value) => {
  if (value.startsWith('unix:')) return 'must be an address: unix sockets are not supported';
  if (unspecified.has(value)) return 'must be an address that can be connected to';
  return isIP(value) !== 0 ? undefined : host.check?.(value);
});

const workloadEntry: ObjectType = object<WorkloadEntrySpec>('WorkloadEntry', {
  address: honoured(address, 'Needed; an IP address with STATIC, a host with DNS.'),
  ports: honoured(map(label, port), 'Real ports by the name of the service port.'),
  labels: honoured(labels, 'What subsets select by.'),
  network: ignored(anyText, 'there is one network'),
  locality: honoured(anyText, 'region/zone/subzone.'),
  weight: honoured(int32, 'Relative share.', { default: '1' }),
  serviceAccount: honoured(nonEmpty, 'Its identity, with the namespace.'),
});

const resolutionFits: Rule<ServiceEntrySpec> = (entry, report) => {
  const resolution = entry.resolution ?? 'NONE';
  const endpoints = entry.endpoints ?? [];
  if (resolution === 'NONE' && endpoints.length > 0) {
    report.error('conflict', 'needs resolution STATIC or DNS to be used', 'endpoints');
  }
  if (resolution === 'STATIC' && endpoints.length === 0) {
    report.error('missing_field', 'is needed with resolution STATIC', 'endpoints');
  }
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1) {
    report.error('conflict', 'takes one endpoint with resolution DNS_ROUND_ROBIN', 'endpoints');
  }
  endpoints.forEach((endpoint, index) => {
    if (endpoint.address === undefined) {
      report.error('missing_field', 'is needed', 'endpoints', index, 'address');
    } else if (resolution === 'STATIC' && isIP(endpoint.address) === 0) {
      const reason = 'must be an IP address with resolution STATIC; names need DNS';
      report.error('invalid_value', reason, 'endpoints', index, 'address');
    }
  });
};

const wildcardsAreNotLookedUp: Rule<ServiceEntrySpec> = (entry, report) => {
  const resolution = entry.resolution ?? 'NONE';
  entry.hosts.forEach((name, index) => {
    if (name === '*') report.error('invalid_value', 'must not be *', 'hosts', index);
    if (!name.startsWith('*.') || !resolution.startsWith('DNS')) return;
    if ((entry.endpoints ?? []).length > 0) return;
    const reason = `is a wildcard, which ${resolution} cannot look up: give endpoints, or NONE`;
    report.error('conflict', reason, 'hosts', index);
  });
};

const portsFit: Rule<ServiceEntrySpec> = (entry, report) => {
  const ports = entry.ports ?? [];
  refuseRepeats(
    ports,
    ({ number }) => number,
    (index, number) =>
      report.error('duplicate', `port ${number} is listed twice`, 'ports', index, 'number'),
  );
  refuseRepeats(
    ports,
    ({ name }) => name,
    (index, name) =>
      report.error('duplicate', `port ${name} is listed twice`, 'ports', index, 'name'),
  );
  const names = new Set(ports.map(({ name }) => name));
  entry.endpoints?.forEach((endpoint, index) => {
    for (const name of Object.keys(endpoint.ports ?? {})) {
      if (names.has(name)) continue;
      const reason = `names the port ${name}, which the entry does not have`;
      report.error('invalid_value', reason, 'endpoints', index, 'ports', name);
    }
  });
  ports.forEach(({ protocol: name = 'HTTP' }, index) => {
    if (!['TCP', 'MONGO'].includes(name.toUpperCase())) return;
    const reason = `${name} is not carried: only HTTP calls go through the mesh`;
    report.warning('not_honoured', reason, 'ports', index, 'protocol');
  });
};

export const serviceEntrySpec: ObjectType = object<ServiceEntrySpec>(
  'ServiceEntry',
  {
    hosts: honoured(list(hostPattern, { min: 1, max: 10_000 }), 'Full names.', { required: true }),
    ports: honoured(list(servicePort, { max: 1_000 }), 'Absent: whatever port the URL says.'),
    location: honoured(oneOf('MESH_EXTERNAL', 'MESH_INTERNAL'), 'Internal ones have identities.', {
      default: 'MESH_EXTERNAL',
    }),
    resolution: honoured(
      refusing(oneOf('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN'), {
        DYNAMIC_DNS: 'is not supported: use NONE, which looks up each name as it is called',
      }),
      'Where endpoints come from. NONE: the name is looked up as without the mesh.',
      { default: 'NONE' },
    ),
    endpoints: honoured(list(workloadEntry), 'With STATIC and DNS.'),
    subjectAltNames: honoured(list(nonEmpty), "The server's certificate must have one of them."),
    exportTo: honoured(exportTo, 'Namespaces that see it.', { default: "['*']" }),
    addresses: ignored(list(ipBlock), 'calls are routed by name, not by address', {
      harmless: [[]],
    }),
  },
  {
    refused: { workloadSelector: 'selects Kubernetes pods and WorkloadEntry: list endpoints' },
    rules: [resolutionFits, wildcardsAreNotLookedUp, portsFit],
  },
);
