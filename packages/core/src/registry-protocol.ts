// Over 250 lines: the whole wire, so that both ends are written from one page.
/**
 * The wire between registry client and registry server, version 1. All bodies are JSON, errors are
 * `application/problem+json`. Times are durations in milliseconds: the two clocks are never compared.
 *
 *   POST   /v1/sessions                                  OpenSession → 201 SessionOpened
 *   PUT    /v1/sessions/:session                         (empty) → 204; 404 `session_unknown`: open a new one
 *   DELETE /v1/sessions/:session                         → 204; its registrations go with it
 *   PUT    /v1/sessions/:session/registrations/:id       Registration → 200 RegistrationAccepted
 *   DELETE /v1/sessions/:session/registrations/:id       → 204, also when it is gone already
 *   PUT    /v1/sessions/:session/subscriptions           Subscriptions → 204
 *   GET    /v1/sessions/:session/watch                   SSE, see WatchEvent; resumes by Last-Event-ID
 *   GET    /v1/services?limit=&after=                    ServicePage
 *   GET    /v1/services/:namespace/:name                 ServiceSnapshot; 404 `unknown_service`
 *   PUT    /v1/endpoints/:id/override                    StatusOverride → 204 (operators); DELETE takes it back
 *   GET    /v1/resources?kind=&namespace=                ConfigSnapshot
 *   GET    /v1/resources/:kind/:namespace/:name          ConfigResource; 404 `not_found`
 *   POST   /v1/resources                                 ApplyResources → 200 ResourcesApplied, all or nothing
 *   DELETE /v1/resources/:kind/:namespace/:name          → 200 ResourcesApplied; 404 `not_found`
 *   GET    /v1/sessions?limit=&after=                    SessionPage (operators)
 *   GET    /v1/status                                    ServerStatus
 *
 * Reports, the call graph, rollouts and taps are in `reports.ts`, `call-graph.ts`, `rollout.ts` and `tap.ts`.
 */
import type { Endpoint, EndpointPort, EndpointStatus, EndpointTls, Locality } from './endpoint.ts';
import type { TrustState } from './registry-security.ts';
import type { ServiceName } from './service-name.ts';
import type { TapOrder } from './tap.ts';

export interface OpenSession {
  /** Who opens it, for people: `orders.default/4711`. At most 200 characters. */
  readonly client: string;
  /**
   * The service that the process is of, whose calls its reports will tell: what its callees tell of
   * them is not counted then. @default none, and no reports
   */
  readonly service?: ServiceName;
}

export interface SessionOpened {
  /** Unguessable; whoever has it holds the session. */
  readonly session: string;
  /** The session ends when it is silent for this long. 15,000 unless configured. */
  readonly ttlMs: number;
  /** A third of the TTL; the client adds jitter. */
  readonly renewEveryMs: number;
  /** Names this run of this server (or this owner, in a cluster). */
  readonly epoch: string;
}

/** Active probes that the server sends to an endpoint. 2xx and 3xx is healthy; redirects are not followed. */
export interface HealthProbe {
  /** Starts with a single `/`. */
  readonly path: string;
  /** Name of the port. @default the first */
  readonly port?: string;
  /** @default 10_000, at least 1_000 */
  readonly intervalMs?: number;
  /** @default 1_000 */
  readonly timeoutMs?: number;
  /** @default 1 */
  readonly healthyAfter?: number;
  /** @default 3 */
  readonly unhealthyAfter?: number;
}

/** What a session says of one endpoint. `:id` in the URL is the endpoint's id, unique over the registry. */
export interface Registration {
  /** A label. */
  readonly service: string;
  /** @default 'default' */
  readonly namespace?: string;
  /** An IP literal that others can reach. */
  readonly address: string;
  /** 1 to 16. */
  readonly ports: readonly EndpointPort[];
  /** `up` or `draining`. @default 'up' */
  readonly status?: Exclude<EndpointStatus, 'down'>;
  /** At most 64; keys and values at most 253 characters. @default {} */
  readonly labels?: Readonly<Record<string, string>>;
  /** At most 64; values at most 1,024 characters. @default {} */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly locality?: Partial<Locality>;
  /** 1..1000. @default 1 */
  readonly weight?: number;
  /** @default 'default' */
  readonly serviceAccount?: string;
  /** @default 'none' */
  readonly tls?: EndpointTls;
  readonly probe?: HealthProbe;
}

export interface RegistrationAccepted {
  readonly revision: WireRevision;
}

/** `epoch:number`. The number grows with every change of the server's state; a service's revision is that of its last change. */
export type WireRevision = string;

/** What the session's stream carries, whole: it replaces what was followed before. At most 1,000 services. */
export interface Subscriptions {
  readonly services: readonly ServiceName[];
  /**
   * Follow the configuration too, from the revision that is known already (`null`: none is). Counts
   * when the stream opens; while one is open, only `null` makes a difference: it asks for the whole.
   * @default not followed
   */
  readonly config?: { readonly revision: ConfigRevision | null };
}

/** One configuration resource on the wire: Istio's envelope. What is in `spec` is `@inmesh/config`'s business. */
export interface ConfigResource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    /** Always set by the registry. */
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    /** RFC 3339, set by the registry when the resource is made: the oldest of two that clash wins. */
    readonly creationTimestamp?: string;
  };
  readonly spec?: unknown;
}

/** `Kind/namespace/name`. */
export type ConfigKey = string;

/** Opaque, of the whole configuration; outlives restarts of a server with a data directory. */
export type ConfigRevision = string;

/**
 * The revision of a registry to which nothing was ever applied: a new one, or one without a data
 * directory that came back. It is no word about the configuration: a client that has one keeps it,
 * until something is applied to this registry. (What was applied and deleted again has a revision.)
 */
export const noConfigRevision: ConfigRevision = '0';

export interface ConfigSnapshot {
  readonly revision: ConfigRevision;
  readonly resources: readonly ConfigResource[];
}

export interface ApplyResources {
  readonly resources: readonly ConfigResource[];
  /** Check and compare only. @default false */
  readonly dryRun?: boolean;
  /** Refuse with `conflict` when the configuration is another by now. @default any */
  readonly expectedRevision?: ConfigRevision;
}

export interface ResourcesApplied {
  /** The new one; with `dryRun` the present one. */
  readonly revision: ConfigRevision;
  readonly changes: readonly {
    readonly key: ConfigKey;
    readonly action: 'created' | 'updated' | 'unchanged' | 'deleted';
  }[];
  /** What is allowed and probably not meant. Errors refuse the whole batch with 422 instead. */
  readonly warnings: readonly {
    readonly key: ConfigKey;
    readonly path: string;
    readonly message: string;
  }[];
}

export type StatusOverride = { readonly status: EndpointStatus };

export type WireEndpoint = Endpoint;

export interface ServiceSnapshot {
  readonly service: ServiceName;
  readonly revision: WireRevision;
  /** Whether any endpoint is or was registered, or a resource names it. While the server settles, `false` means nothing. */
  readonly known: boolean;
  readonly endpoints: readonly WireEndpoint[];
}

export interface ServicePage {
  readonly services: readonly {
    readonly service: ServiceName;
    readonly endpoints: number;
    readonly up: number;
  }[];
  /** Pass as `after` for the next page; absent on the last. */
  readonly next?: string;
}

export interface SessionPage {
  readonly sessions: readonly {
    readonly client: string;
    readonly registrations: number;
    readonly subscriptions: number;
    readonly silentForMs: number;
  }[];
  readonly next?: string;
}

export interface ServerStatus {
  readonly version: string;
  readonly epoch: string;
  readonly revision: WireRevision;
  readonly uptimeMs: number;
  /** Above 0 while a server that came up with nothing still waits for its clients. */
  readonly settlingForMs: number;
  readonly sessions: number;
  readonly registrations: number;
  readonly services: number;
  readonly watchers: number;
  /** Expiry is off because too many sessions fell silent at once. */
  readonly selfPreservation: { readonly active: boolean; readonly silentSessions: number };
  /** Only of a server that shares its store with others. */
  readonly cluster?: ClusterStatus;
}

/** How a server stands with those that share its store. */
export interface ClusterStatus {
  /** Its name. */
  readonly server: string;
  /** While it is `away`, look-ups and renewals go on, registrations wait, and changes of the configuration are refused. */
  readonly store: 'available' | 'away';
  /** Whether its lease lives. Without it, it ends nothing, and others may take over what is connected to it. */
  readonly member: boolean;
  /** How many are alive, this one included. */
  readonly servers: number;
  /** Whether it does what one of them does for all: probing. */
  readonly leading: boolean;
  /** Changes of endpoints that the store does not have yet. */
  readonly waiting: number;
}

/**
 * One frame of the watch stream. The SSE `event:` is `kind`, the `data:` is the rest as JSON, and
 * the `id:`, where there is one, is the revision to resume from: on `snapshot` and `delta`. A comment
 * line comes at least each `keepAliveMs`; a client that hears nothing for three times that long
 * reconnects.
 */
export type WatchEvent =
  /** First on every connection. `resumed` is false when what follows are snapshots of everything followed. */
  | {
      readonly kind: 'hello';
      readonly epoch: string;
      readonly settling: boolean;
      readonly resumed: boolean;
      readonly keepAliveMs: number;
    }
  /** A followed service, whole: after it was subscribed, and when deltas are gone. While the server settles, add to what is known; otherwise replace it. */
  | ({ readonly kind: 'snapshot' } & ServiceSnapshot)
  /**
   * The present state of everything that changed since `from`. It applies to any revision from
   * `from` on (after a resume it may reach back further than needed); one whose `revision` is not
   * above the client's own is a repeat. A client below `from` missed something and asks for all by
   * reconnecting without Last-Event-ID. For a service whose snapshot is still to come: ignore.
   */
  | {
      readonly kind: 'delta';
      readonly service: ServiceName;
      readonly from: WireRevision;
      readonly revision: WireRevision;
      readonly upserts: readonly WireEndpoint[] /** Endpoint ids: explicit tombstones, valid while settling too. */;
      readonly removes: readonly string[];
    }
  /** The settling ended: what was not told by now is gone. Snapshots of the services followed came before it. */
  | { readonly kind: 'settled' }
  /** The whole configuration, to be taken over as one (see `noConfigRevision`): after it was subscribed from another revision. */
  | ({ readonly kind: 'config-snapshot' } & ConfigSnapshot)
  /** One commit of the configuration, or several that followed at once, never a part of one; a client that is not at `from` subscribes again with `null`. */
  | {
      readonly kind: 'config-delta';
      readonly from: ConfigRevision;
      readonly revision: ConfigRevision;
      readonly upserts: readonly ConfigResource[];
      readonly removes: readonly ConfigKey[];
    }
  /** Whom to trust: first of all on a registry that has an authority, and whenever it changes. Whole. */
  | ({ readonly kind: 'trust' } & TrustState)
  /** Which of this process' calls somebody looks at, all of them; none until it is told, on each connection. */
  | { readonly kind: 'taps'; readonly taps: readonly TapOrder[] }
  /** The server is stopping: reconnect elsewhere, or to it after a jittered wait. */
  | { readonly kind: 'goodbye' };

/** An error answer (RFC 9457). */
export interface Problem {
  /** `about:blank`: `code` tells them apart. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** JSON pointers to the fields at fault. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}
