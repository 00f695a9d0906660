import { readFileSync } from 'node:fs';
import type { RegistrySecurityOptions } from '@inmesh/registry-server';
import { type Command, Option } from 'commander';
import { definedOnly } from '../shared-options.ts';
import { loadRegistryServer } from './load-registry-server.ts';
import { wholeNumber } from './numbers.ts';

export interface SecurityFlags {
  readonly dev?: true;
  readonly secure?: true;
  readonly trustDomain?: string;
  readonly certificateLife?: number;
  readonly intermediate?: string;
  readonly intermediateKey?: string;
  readonly roots?: string;
  readonly storeKeyFile?: string;
  readonly visibility?: 'everything' | 'callable';
  readonly kubernetes?: true;
  readonly kubernetesIssuer?: string;
  readonly kubernetesKeys?: string;
  readonly kubernetesAudience?: string;
  readonly mayRegister?: Readonly<Record<string, readonly string[]>>;
}

/** The flags of `inmesh registry` that shut its doors. */
export function addSecurityFlags(command: Command): Command {
  const flag = (flags: string, description: string, env: string): Option =>
    new Option(flags, description).env(`INMESH_REGISTRY_${env}`);
  return command
    .addOption(
      new Option('--dev', 'for a laptop: no authentication, loopback only').conflicts('secure'),
    )
    .addOption(flag('--secure', 'TLS, and a proof of who asks at every door', 'SECURE'))
    .addOption(
      flag('--trust-domain <name>', "what the mesh's SPIFFE IDs begin with", 'TRUST_DOMAIN'),
    )
    .addOption(
      flag('--certificate-life <ms>', "of a workload's certificate", 'CERTIFICATE_LIFE').argParser(
        wholeNumber(60_000, 90 * 86_400_000),
      ),
    )
    .addOption(
      flag('--intermediate <file>', 'sign with this authority of yours (PEM)', 'INTERMEDIATE'),
    )
    .addOption(flag('--intermediate-key <file>', 'its P-256 key', 'INTERMEDIATE_KEY'))
    .addOption(flag('--roots <file>', 'the roots above it', 'ROOTS'))
    .addOption(
      flag(
        '--store-key-file <file>',
        'keeps roots and keys in the store, encrypted with the first key of this file',
        'STORE_KEY_FILE',
      ),
    )
    .addOption(
      flag(
        '--visibility <which>',
        'which services a workload can find: everything, or what policies let it call',
        'VISIBILITY',
      ).choices(['everything', 'callable']),
    )
    .addOption(
      flag(
        '--kubernetes',
        "take service accounts' tokens, by TokenReview of this pod",
        'KUBERNETES',
      ),
    )
    .addOption(
      flag(
        '--kubernetes-issuer <url>',
        'take them by the keys of this issuer instead',
        'KUBERNETES_ISSUER',
      ),
    )
    .addOption(flag('--kubernetes-keys <file>', 'its keys (JWKS)', 'KUBERNETES_KEYS'))
    .addOption(
      flag(
        '--kubernetes-audience <name>',
        'what the tokens must be made for',
        'KUBERNETES_AUDIENCE',
      ),
    )
    .addOption(
      flag(
        '--may-register <namespace/account=services>',
        'services besides its own that an account may register; may be repeated',
        'MAY_REGISTER',
      ).argParser(addRegistrable),
    );
}

function addRegistrable(
  text: string,
  before: Readonly<Record<string, readonly string[]>> = {},
): Readonly<Record<string, readonly string[]>> {
  const [account = '', services = ''] = text.split('=');
  return { ...before, [account]: services.split(',') };
}

/** What the flags say; `undefined` without `--secure`. Throws for flags that contradict each other. */
export async function securityOf(
  flags: SecurityFlags,
): Promise<RegistrySecurityOptions | undefined> {
  const { secure, trustDomain, certificateLife: certificateLifeMs, mayRegister } = flags;
  if (secure !== true) return undefined;
  const { storeKeyFile, visibility } = flags;
  return definedOnly({
    storeKeys: storeKeyFile === undefined ? undefined : await storeKeysOf(storeKeyFile),
    trustDomain,
    certificateLifeMs,
    visibility,
    mayRegister,
    intermediate: intermediateOf(flags),
    kubernetes: kubernetesOf(flags),
  });
}

async function storeKeysOf(file: string): Promise<RegistrySecurityOptions['storeKeys']> {
  const { readStoreKeys } = await loadRegistryServer();
  return readStoreKeys(file);
}

function intermediateOf(flags: SecurityFlags): RegistrySecurityOptions['intermediate'] {
  const { intermediate: certificate, intermediateKey: key, roots: bundle } = flags;
  if (certificate === undefined && key === undefined && bundle === undefined) return undefined;
  if (certificate !== undefined && key !== undefined && bundle !== undefined) {
    return { certificate, key, bundle };
  }
  throw new Error('--intermediate, --intermediate-key and --roots go together');
}

function kubernetesOf(flags: SecurityFlags): RegistrySecurityOptions['kubernetes'] {
  const { kubernetes, kubernetesIssuer: issuer, kubernetesKeys: keys } = flags;
  const audience = definedOnly({ audience: flags.kubernetesAudience });
  if (issuer !== undefined) {
    const jwks = keys === undefined ? {} : { jwks: readFileSync(keys, 'utf8') };
    return { ...audience, keys: { issuer, ...jwks } };
  }
  return kubernetes === true ? { ...audience, review: {} } : undefined;
}
