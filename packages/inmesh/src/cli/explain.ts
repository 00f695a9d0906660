import type { Resource } from '@inmesh/config';
import { type ConfigSnapshot, createWorkload, MeshError, parseMeshHost } from '@inmesh/core';
import { compile } from '@inmesh/router';
import { Command } from 'commander';
import { callRegistry, registryOption } from './registry-api.ts';

interface ExplainFlags {
  readonly to: string;
  readonly path: string;
  readonly method: string;
  readonly header: readonly string[];
  readonly from: string;
  readonly fromVersion?: string;
  readonly registry: string;
}

/** `inmesh explain --to reviews --path /x --header 'end-user: jason'`: which route decides, and why. */
export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'Say which resource, route and match decide about a request, and which were passed over and why.',
    )
    .requiredOption('--to <host>', 'the host, as it stands in the URL')
    .option('--path <path>', 'path and query', '/')
    .option('--method <method>', '', 'GET')
    .option('--header <name: value...>', 'request headers', [])
    .option('--from <service>', 'the calling service', 'unknown')
    .option('--from-version <version>', 'its version')
    .addOption(registryOption())
    .action(async (flags: ExplainFlags) => {
      const { resources } = await callRegistry<ConfigSnapshot>(
        flags.registry,
        'GET',
        '/v1/resources',
      );
      const workload = createWorkload({
        service: flags.from,
        ...(flags.fromVersion === undefined ? {} : { version: flags.fromVersion }),
      });
      const router = compile(resources as readonly Resource[], { workload });
      const [host = '', port] = flags.to.split(':');
      const service = parseMeshHost(host, {
        namespace: workload.namespace,
        domain: 'cluster.local',
        namespaces: [],
      });
      const { text } = router.explain({
        service: service ?? host,
        scheme: 'http',
        authority: flags.to,
        port: port === undefined ? undefined : Number(port),
        method: flags.method.toUpperCase(),
        path: flags.path,
        headers: flags.header.flatMap(parseHeader),
        context: undefined,
      });
      console.log(text);
    });
}

function parseHeader(text: string): [string, string] {
  const at = text.indexOf(':');
  if (at < 1)
    throw new MeshError(
      'invalid_argument',
      `a header is 'name: value', got ${JSON.stringify(text)}`,
    );
  return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
}
