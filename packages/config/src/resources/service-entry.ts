import type { ResourceOf } from './resource.ts';

/** A service that the registry does not know: outside hosts, or fixed endpoints. */
export type ServiceEntry = ResourceOf<'ServiceEntry', ServiceEntrySpec>;

export interface ServiceEntrySpec {
  /** Full names; `*.suffix` only with resolution NONE. */
  readonly hosts: readonly string[];
  readonly ports?: readonly ServicePort[];
  /** @default 'MESH_EXTERNAL' */
  readonly location?: 'MESH_EXTERNAL' | 'MESH_INTERNAL';
  /** NONE: the name is looked up as without the mesh. @default 'NONE' */
  readonly resolution?: 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN';
  readonly endpoints?: readonly WorkloadEntrySpec[];
  /** Names that the server's certificate must have one of. */
  readonly subjectAltNames?: readonly string[];
  /** Namespaces that see it: `.` its own, `*` all. @default ['*'] */
  readonly exportTo?: readonly string[];
  /** Not honoured: calls are routed by name. */
  readonly addresses?: readonly string[];
}

export interface ServicePort {
  /** What callers write in the URL. */
  readonly number: number;
  /** HTTP, HTTPS, TLS, …; any case. */
  readonly protocol?: string;
  readonly name: string;
  /** What is connected to. @default number */
  readonly targetPort?: number;
}

export interface WorkloadEntrySpec {
  /** An IP literal, or with resolution DNS a full name. */
  readonly address?: string;
  /** Real ports by the service port's name. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Not honoured. */
  readonly network?: string;
  /** `region/zone/subzone`. */
  readonly locality?: string;
  /** @default 1 */
  readonly weight?: number;
  readonly serviceAccount?: string;
}
