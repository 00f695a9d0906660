import type { ExplainAnswer, ExplainRequest } from '@inmesh/core';
import { Type } from 'typebox';
import { label, mapKey, methodSchema, printable, statusSchema } from './common-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

const closed = { additionalProperties: false } as const;
const text = Type.String();

export const explainRequestSchema: WireSchema<ExplainRequest> = wire<ExplainRequest>()(
  Type.Object(
    {
      url: Type.String({ minLength: 1, maxLength: 8_192, pattern: printable }),
      method: Type.Optional(methodSchema),
      headers: Type.Optional(
        Type.Record(
          Type.String({ pattern: mapKey }),
          Type.String({ maxLength: 8_192, pattern: printable }),
          { maxProperties: 100, additionalProperties: false },
        ),
      ),
      from: Type.Optional(
        Type.Object(
          {
            service: label,
            namespace: Type.Optional(label),
            version: Type.Optional(Type.String({ maxLength: 63 })),
          },
          closed,
        ),
      ),
    },
    closed,
  ),
);

export const explainAnswerSchema: WireSchema<ExplainAnswer> = wire<ExplainAnswer>()(
  Type.Object({
    service: text,
    resource: Type.Union([text, Type.Null()], {
      description: 'the VirtualService that decides, as `Kind/namespace/name`',
    }),
    foundBy: Type.Union([Type.Literal('exact'), Type.Literal('wildcard'), Type.Literal('none')]),
    ignored: Type.Array(text),
    routes: Type.Array(
      Type.Object({
        route: text,
        verdict: Type.Union([
          Type.Literal('matched'),
          Type.Literal('passed-over'),
          Type.Literal('not-reached'),
        ]),
        reasons: Type.Array(text),
      }),
    ),
    outcome: Type.Union([
      Type.Literal('forward'),
      Type.Literal('respond'),
      Type.Literal('no-route'),
      Type.Literal('outside'),
    ]),
    status: Type.Integer({ description: 'of the answer where there is no upstream, else 0' }),
    targets: Type.Array(
      Type.Object({
        service: text,
        subset: text,
        ratio: Type.Number(),
        chosen: Type.Boolean(),
        defined: Type.Boolean(),
        rules: Type.Array(text),
        endpoints: Type.Array(
          Type.Object({ id: text, address: text, version: text, status: statusSchema }),
        ),
      }),
    ),
    notes: Type.Array(text),
    text: Type.String({ description: 'the same as lines for people' }),
  }),
);
