import {
  type Authorizer,
  createAuthorizer,
  createRequestAuthenticator,
  type PeerAuthenticationModes,
  type PeerMode,
  peerAuthentication,
  rolePolicies,
  stripForwarded,
  trustedProxies,
} from '@inmesh/auth';
import type { Resource, ResourceKind, ResourceOfKind } from '@inmesh/config';
import type { Workload } from '@inmesh/core';
import { type InboundStep, refuse } from '@inmesh/inbound';
import type { MeshOptions } from '../options.ts';
import { definedOnly, seams } from '../shared-options.ts';

/** The security resources at work on what comes in. */
export interface InboundSecurity {
  /** In this order: whose word counts, who calls, who the end user is. */
  readonly authentication: readonly InboundStep[];
  readonly authorization: readonly InboundStep[];
  /** For guards that go by the policies. */
  readonly authorizer: Authorizer;
  /** Goes by these from now on, as a whole. Throws `invalid_resource`, and then nothing changes. */
  use(resources: Iterable<Resource>): void;
  /** What a port of this process takes; plain text only while there is no identity. */
  mode(port: number): PeerMode;
  /** The modes may have changed. */
  onModeChange(listener: () => void): () => void;
}

export interface InboundSecurityOptions {
  readonly workload: Workload;
  readonly options: MeshOptions;
  /** Whether this process can speak mutual TLS. */
  readonly identified: boolean;
  /** In force from the start. */
  readonly resources: readonly Resource[];
  /** Whether nothing is to be served before `use` has brought what the registry says. */
  readonly awaitsUse: boolean;
  /** Steps that learn the workload where TLS does not tell it. */
  readonly workloads: readonly InboundStep[];
}

export function createInboundSecurity(given: InboundSecurityOptions): InboundSecurity {
  const { workload, options, identified } = given;
  const { rootNamespace = 'istio-system', trustedProxies: proxies = [] } = options;
  const scope = { workload, rootNamespace };
  const authenticator = createRequestAuthenticator({
    ...scope,
    ...definedOnly({ privateHosts: options.privateIssuers, keepTokens: options.passOnTokens }),
    ...seams(options),
  });
  const authorizer = createAuthorizer({
    ...scope,
    trustedProxies: proxies,
    ...definedOnly({ tellCaller: options.tellRefusals, providers: options.authorizers }),
    ...seams(options),
  });
  const roles = rolePolicies(options.roles ?? [], workload);
  const listeners = new Set<() => void>();
  let modes: PeerAuthenticationModes = peerAuthentication([], scope);
  let policies = roles;
  let known = !given.awaitsUse;

  const apply = (all: readonly Resource[]): void => {
    const next = [...ofKind(all, 'AuthorizationPolicy'), ...roles];
    authorizer.update(next);
    try {
      authenticator.update(ofKind(all, 'RequestAuthentication'));
    } catch (error) {
      // All or nothing: new policies with the old authentication would be neither.
      authorizer.update(policies);
      throw error;
    }
    policies = next;
    modes = peerAuthentication(ofKind(all, 'PeerAuthentication'), scope);
  };
  apply(given.resources);
  const mode = (port: number): PeerMode => (identified ? modes.mode(port) : 'disable');
  return {
    authentication: [
      knownPolicies(() => known),
      stripForwarded(trustedProxies(proxies), options.identityHeaders),
      ...given.workloads,
      ...(identified ? [] : [provenWorkload((port) => modes.mode(port))]),
      authenticator.step,
    ],
    authorization: [authorizer.step],
    authorizer,
    use(resources) {
      apply([...resources]);
      known = true;
      for (const listener of [...listeners]) listener();
    },
    mode,
    onModeChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function ofKind<K extends ResourceKind>(
  resources: readonly Resource[],
  kind: K,
): ResourceOfKind<K>[] {
  return resources.filter((resource): resource is ResourceOfKind<K> => resource.kind === kind);
}

/** Before the first configuration nobody can say who may do what, so nobody may do anything. */
function knownPolicies(known: () => boolean): InboundStep {
  const refusal = refuse(
    503,
    'registry_unavailable',
    'the policies of this service are not known yet',
    {
      headers: ['retry-after', '1'],
    },
  );
  return { name: 'known-policies', run: () => (known() ? undefined : refusal) };
}

/** STRICT where this process has no certificate to speak TLS with: only a service token proves the caller. */
function provenWorkload(modeOf: (port: number) => PeerMode): InboundStep {
  const refusal = refuse(403, 'unauthenticated', 'this service takes proven workloads only', {
    flag: 'RBAC',
    reason:
      'PeerAuthentication is STRICT and this process has no identity to speak mutual TLS with',
  });
  return {
    name: 'proven-workload',
    run({ socket }, { context }) {
      if (context.identity?.peerVerified === true) return undefined;
      return modeOf(socket.localPort ?? 0) === 'strict' ? refusal : undefined;
    },
  };
}
