import type { AuthorizationAnswer, AuthorizationTable } from '@inmesh/core';
import { MeshError, parseMeshHost } from '@inmesh/core';
import { Command } from 'commander';
import { callRegistry, registryOption } from './registry-api.ts';
import { printTable } from './table.ts';

interface RequestFlags {
  readonly registry: string;
  readonly to?: string;
  readonly method: string;
  readonly path: string;
}

interface ExplainFlags extends RequestFlags {
  readonly to: string;
  readonly from?: string;
  readonly toVersion?: string;
  readonly claims?: string;
}

/** `inmesh authz explain …` about one request, `inmesh authz table` about everybody. */
export function authzCommand(): Command {
  return new Command('authz')
    .description('Say who may call whom by the policies that the registry holds.')
    .addCommand(explainCommand())
    .addCommand(tableCommand());
}

function explainCommand(): Command {
  return new Command('explain')
    .description('Which policy and rule decide about a request, and why the others do not.')
    .requiredOption('--to <service>', 'the called service')
    .option(
      '--from <caller>',
      'the calling service or SPIFFE ID; without it a caller without proof',
    )
    .option('--to-version <version>', 'where versions differ in their labels')
    .option('--method <method>', '', 'GET')
    .option('--path <path>', 'without the query', '/')
    .option('--claims <json>', "claims of the end user's token", undefined)
    .addOption(registryOption())
    .action(async ({ registry, to, from, toVersion, method, path, claims }: ExplainFlags) => {
      const query = new URLSearchParams({
        to: serviceOf(to),
        method: method.toUpperCase(),
        path,
        ...(from === undefined ? {} : { from: from.includes('://') ? from : serviceOf(from) }),
        ...(toVersion === undefined ? {} : { version: toVersion }),
        ...(claims === undefined ? {} : { claims }),
      });
      const answer = await callRegistry<AuthorizationAnswer>(
        registry,
        'GET',
        `/v1/authorization/explanation?${query}`,
      );
      console.log(answer.text);
    });
}

function tableCommand(): Command {
  return new Command('table')
    .description('Who may call whom: a line for every caller at every version of every service.')
    .option('--to <service>', 'this service only')
    .option('--method <method>', '', 'GET')
    .option('--path <path>', 'without the query', '/')
    .addOption(registryOption())
    .action(async ({ registry, to, method, path }: RequestFlags) => {
      const query = new URLSearchParams({
        method: method.toUpperCase(),
        path,
        ...(to === undefined ? {} : { to: serviceOf(to) }),
      });
      const table = await callRegistry<AuthorizationTable>(
        registry,
        'GET',
        `/v1/authorization?${query}`,
      );
      printTable(
        ['SERVICE', 'VERSION', 'CALLER', 'MAY', 'WHY'],
        table.rows.map(({ service, version, caller, allowed, by, rule, asksProvider }) => [
          service,
          version === '' ? '-' : version,
          caller === '' ? '(nobody proven)' : caller,
          allowed ? 'yes' : 'no',
          `${rule === '' ? by : `${by}: ${rule}`}${asksProvider ? ', if its provider agrees' : ''}`,
        ]),
      );
      if (table.truncated) console.log('… and more: ask service by service, with --to');
    });
}

function serviceOf(name: string): string {
  const scope = { namespace: 'default', domain: 'cluster.local', namespaces: [] };
  const [short, namespace, ...rest] = name.split('.');
  if (namespace !== undefined && rest.length === 0) return `${short}.${namespace}`;
  const service = parseMeshHost(name, scope);
  if (service !== undefined) return service;
  throw new MeshError('invalid_argument', `${JSON.stringify(name)} is no name of a service`);
}
