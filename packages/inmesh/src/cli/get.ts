import type { Problem, ServicePage, ServiceSnapshot } from '@inmesh/core';
import { splitServiceName } from '@inmesh/core';
import { Command, Option } from 'commander';
import { request } from 'undici';

const registryOption = (): Option =>
  new Option('--registry <url>', 'the registry to ask')
    .default('http://127.0.0.1:8761')
    .env('INMESH_REGISTRY');

/** `inmesh get services` and `inmesh get endpoints reviews`: what the registry holds. */
export function getCommand(): Command {
  const get = new Command('get').description('Show what the registry holds.');
  get
    .command('services')
    .description('every service, with how many endpoints are up')
    .addOption(registryOption())
    .action(async ({ registry }: { registry: string }) => {
      const rows: string[][] = [];
      let after = '';
      do {
        const page = await read<ServicePage>(registry, `/v1/services?limit=500${after}`);
        for (const { service, endpoints, up } of page.services)
          rows.push([service, `${up}/${endpoints}`]);
        after = page.next === undefined ? '' : `&after=${encodeURIComponent(page.next)}`;
      } while (after !== '');
      print(['SERVICE', 'UP'], rows);
    });
  get
    .command('endpoints <service>')
    .description('the endpoints of one service (reviews, or reviews.prod)')
    .addOption(registryOption())
    .action(async (service: string, { registry }: { registry: string }) => {
      const { name, namespace } = splitServiceName(service);
      const path = `/v1/services/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
      const { endpoints } = await read<ServiceSnapshot>(registry, path);
      print(
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
    });
  return get;
}

async function read<T>(registry: string, path: string): Promise<T> {
  const { statusCode, body } = await request(new URL(path, registry), {
    headersTimeout: 5_000,
    bodyTimeout: 5_000,
  }).catch((error: Error) => {
    throw new Error(
      `the registry at ${registry} does not answer (${error.message}): is it running, and is --registry right?`,
    );
  });
  if (statusCode === 200) return (await body.json()) as T;
  const problem = (await body.json().catch(() => ({}))) as Partial<Problem>;
  throw new Error(problem.detail ?? `the registry answered ${statusCode}`);
}

/** Columns as wide as their widest cell. */
function print(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [head, ...rows]) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}
