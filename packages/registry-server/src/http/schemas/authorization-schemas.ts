import type { AuthorizationAnswer, AuthorizationTable } from '@inmesh/core';
import { Type } from 'typebox';
import { configRevisionSchema, serviceNameSchema } from './common-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

const reason = Type.Union([
  Type.Literal('deny'),
  Type.Literal('allow'),
  Type.Literal('no-policy'),
  Type.Literal('no-rule'),
]);
const rule = Type.String({ description: 'resource and rule that decided; empty where none did' });

export const authorizationTableSchema: WireSchema<AuthorizationTable> = wire<AuthorizationTable>()(
  Type.Object({
    revision: configRevisionSchema,
    method: Type.String(),
    path: Type.String(),
    rows: Type.Array(
      Type.Object({
        caller: Type.String({ description: 'a SPIFFE ID; empty is a caller without proof' }),
        service: serviceNameSchema,
        version: Type.String(),
        allowed: Type.Boolean(),
        by: reason,
        rule,
        asksProvider: Type.Boolean(),
      }),
    ),
    truncated: Type.Boolean(),
  }),
);

export const authorizationAnswerSchema: WireSchema<AuthorizationAnswer> =
  wire<AuthorizationAnswer>()(
    Type.Object({
      revision: configRevisionSchema,
      allowed: Type.Union([Type.Boolean(), Type.Null()]),
      by: reason,
      rule,
      text: Type.String(),
    }),
  );
