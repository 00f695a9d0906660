import { formatResources, type Resource } from '@inmesh/config';
import {
  type ConfigResource,
  type ConfigSnapshot,
  type ServicePage,
  type ServiceSnapshot,
  splitServiceName,
} from '@inmesh/core';
import { Command, Option } from 'commander';
import { resourcePath } from './delete.ts';
import { kindOf } from './kinds.ts';
import { callRegistry, registryOption } from './registry-api.ts';
import { printTable } from './table.ts';

interface GetFlags {
  readonly registry: string;
  readonly namespace?: string;
  readonly output?: 'yaml' | 'json';
}

/** `inmesh get services`, `inmesh get endpoints reviews`, `inmesh get virtualservices -o yaml`. */
export function getCommand(): Command {
  return new Command('get')
    .description(
      'Show what the registry holds: services, endpoints of a service, or resources of a kind.',
    )
    .argument('<what>', 'services, endpoints, or a kind (VirtualService, vs, …)')
    .argument('[name]', 'the service whose endpoints, or one resource')
    .option('-n, --namespace <name>', 'of the resources')
    .addOption(new Option('-o, --output <format>', 'whole resources').choices(['yaml', 'json']))
    .addOption(registryOption())
    .action(async (what: string, name: string | undefined, flags: GetFlags) => {
      if (what === 'services') return printServices(await listServices(flags.registry));
      if (what === 'endpoints') return printEndpoints(flags.registry, name);
      return printResources(kindOf(what), name, flags);
    });
}

type ServiceRow = ServicePage['services'][number];

/** Every service, over all pages. */
export async function listServices(registry: string): Promise<ServiceRow[]> {
  const rows: ServiceRow[] = [];
  let after = '';
  do {
    const page = await callRegistry<ServicePage>(registry, 'GET', `/v1/services?limit=500${after}`);
    rows.push(...page.services);
    after = page.next === undefined ? '' : `&after=${encodeURIComponent(page.next)}`;
  } while (after !== '');
  return rows;
}

export function readService(registry: string, service: string): Promise<ServiceSnapshot> {
  const { name, namespace } = splitServiceName(service);
  const path = `/v1/services/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  return callRegistry(registry, 'GET', path);
}

function printServices(services: readonly ServiceRow[]): void {
  printTable(
    ['SERVICE', 'UP'],
    services.map(({ service, up, endpoints }) => [service, `${up}/${endpoints}`]),
  );
}

async function printEndpoints(registry: string, service: string | undefined): Promise<void> {
  if (service === undefined) throw new Error('say which service: inmesh get endpoints reviews');
  const { endpoints } = await readService(registry, service);
  printTable(
    ['ENDPOINT', 'ADDRESS', 'STATUS', 'VERSION', 'ZONE'],
    endpoints.map(({ id, address, ports, status, labels, locality }) => [
      id,
      ports
        .map(({ port }) => `${address.includes(':') ? `[${address}]` : address}:${port}`)
        .join(','),
      status,
      labels.version ?? '-',
      locality.zone === '' ? '-' : locality.zone,
    ]),
  );
}

async function printResources(
  kind: string,
  name: string | undefined,
  flags: GetFlags,
): Promise<void> {
  const { registry, namespace, output } = flags;
  const query = new URLSearchParams({ kind, ...(namespace === undefined ? {} : { namespace }) });
  const resources =
    name === undefined
      ? (await callRegistry<ConfigSnapshot>(registry, 'GET', `/v1/resources?${query}`)).resources
      : [
          await callRegistry<ConfigResource>(
            registry,
            'GET',
            resourcePath(kind, namespace ?? 'default', name),
          ),
        ];
  if (output !== undefined) {
    process.stdout.write(formatResources(resources as readonly Resource[], output));
    return;
  }
  printTable(
    ['KIND', 'NAMESPACE', 'NAME', 'CREATED'],
    resources.map(({ metadata }) => [
      kind,
      metadata.namespace ?? 'default',
      metadata.name,
      metadata.creationTimestamp ?? '-',
    ]),
  );
}
