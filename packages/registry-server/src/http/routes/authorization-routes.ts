import { explainAuthorization, whoMayCall } from '@inmesh/auth';
import type { AuthorizationPolicy } from '@inmesh/config';
import {
  type AuthorizationAnswer,
  type AuthorizationRow,
  type AuthorizationTable,
  type Identity,
  MeshError,
  type ServiceName,
} from '@inmesh/core';
import { identityOf, parseSpiffeId } from '@inmesh/identity';
import { Type } from 'typebox';
import { calleesOf, callersOf, identitiesOf } from '../../authorization/callees.ts';
import type { ConfigState } from '../../config/config-state.ts';
import type { RegistryState } from '../../state/registry-state.ts';
import type { ServiceRecord } from '../../state/service-record.ts';
import type { App } from '../app.ts';
import { answers } from '../schemas/answers.ts';
import {
  authorizationAnswerSchema,
  authorizationTableSchema,
} from '../schemas/authorization-schemas.ts';
import { printable, serviceNameSchema } from '../schemas/common-schemas.ts';

export interface AuthorizationRoutesOptions {
  readonly state: RegistryState;
  readonly config: ConfigState;
  readonly trustDomain: string;
}

const tags = ['authorization'];
const method = Type.Optional(Type.String({ pattern: '^[A-Z]{1,32}$' }));
const path = Type.Optional(Type.String({ pattern: '^/', maxLength: 2_048 }));

/** A decision takes microseconds: so many keep the event loop for less than a tenth of a second. */
const maxRows = 10_000;

/** Who may call whom, worked out from the policies as they are now. */
export function authorizationRoutes(app: App, options: AuthorizationRoutesOptions): void {
  const { state, config, trustDomain } = options;
  const policies = (): AuthorizationPolicy[] =>
    [...config.resources.values()].filter(
      ({ kind }) => kind === 'AuthorizationPolicy',
    ) as unknown as AuthorizationPolicy[];
  const recordOf = (service: ServiceName): ServiceRecord => {
    const record = state.services.find(service);
    if (record !== undefined && record.endpoints.size > 0) return record;
    throw new MeshError('unknown_service', `registry: no endpoint of ${service} is registered`, {
      service,
    });
  };

  const callerOf = (from: string): Identity | undefined =>
    from.includes('://')
      ? identityOf(parseSpiffeId(from))
      : identitiesOf(recordOf(from), trustDomain)[0];

  app.get(
    '/v1/authorization',
    {
      config: { access: 'reader' },
      schema: {
        tags,
        summary: 'Who may call whom, by the AuthorizationPolicies that apply now',
        querystring: Type.Object(
          { method, path, to: Type.Optional(serviceNameSchema) },
          { additionalProperties: false },
        ),
        response: answers({ 200: authorizationTableSchema }),
      },
    },
    async ({ query }): Promise<AuthorizationTable> => {
      const { method = 'GET', path = '/', to } = query;
      const all = state.services.page('', maxRows).filter(({ endpoints }) => endpoints.size > 0);
      const callers = callersOf(all, trustDomain);
      const applied = policies();
      const rows: AuthorizationRow[] = [];
      const asked = to === undefined ? all : [recordOf(to)];
      for (const callee of asked.flatMap((record) => calleesOf(record, trustDomain))) {
        if (rows.length + callers.length > maxRows) {
          return { revision: config.revision, method, path, rows, truncated: true };
        }
        const question = { services: [callee], callers, requests: [{ method, path }] };
        for (const { caller, allowed, by, policy, rule, asksProvider } of whoMayCall(
          applied,
          question,
        )) {
          const { service, version } = callee;
          const named = policy === undefined ? '' : `${policy}#${rule}`;
          rows.push({ caller, service, version, allowed, by, rule: named, asksProvider });
        }
      }
      return { revision: config.revision, method, path, rows, truncated: false };
    },
  );

  app.get(
    '/v1/authorization/explanation',
    {
      config: { access: 'reader' },
      schema: {
        tags,
        summary: 'Which policy and rule decide about one request, and why the others do not',
        querystring: Type.Object(
          {
            to: serviceNameSchema,
            from: Type.Optional(
              Type.String({
                maxLength: 2_048,
                pattern: printable,
                description:
                  'a service (`name.namespace`), or a SPIFFE ID; nobody proven without it',
              }),
            ),
            version: Type.Optional(Type.String({ maxLength: 63, pattern: printable })),
            method,
            path,
            claims: Type.Optional(
              Type.String({ maxLength: 4_096, description: "of the end user's token, as JSON" }),
            ),
          },
          { additionalProperties: false },
        ),
        response: answers({ 200: authorizationAnswerSchema }),
      },
    },
    async ({ query }): Promise<AuthorizationAnswer> => {
      const { to, from, version, method = 'GET', path = '/', claims } = query;
      const workload = calleesOf(recordOf(to), trustDomain).find(
        (callee) => version === undefined || callee.version === version,
      );
      if (workload === undefined) {
        throw new MeshError('not_found', `registry: no endpoint of ${to} has version ${version}`);
      }
      const peer = from === undefined ? undefined : callerOf(from);
      const request = {
        method,
        path,
        ...(peer === undefined ? {} : { peer }),
        ...(claims === undefined ? {} : { claims: parseClaims(claims) }),
      };
      const explained = explainAuthorization(policies(), request, { workload });
      const { allowed = null, by, policy, rule, text } = explained;
      const named = policy === undefined ? '' : `${policy}#${rule}`;
      return { revision: config.revision, allowed, by, rule: named, text };
    },
  );
}

function parseClaims(text: string): Readonly<Record<string, unknown>> {
  let claims: unknown;
  try {
    claims = JSON.parse(text);
  } catch {
    // Told below.
  }
  if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) {
    return claims as Readonly<Record<string, unknown>>;
  }
  throw new MeshError('invalid_argument', 'registry: claims must be a JSON object');
}
