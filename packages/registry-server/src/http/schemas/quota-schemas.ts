import type { QuotaAsk, QuotaGrant } from '@inmesh/core';
import { Type } from 'typebox';
import { type WireSchema, wire } from './wire-schema.ts';

const closed = { additionalProperties: false } as const;

export const quotaAskSchema: WireSchema<QuotaAsk> = wire<QuotaAsk>()(
  Type.Object(
    {
      perSecond: Type.Number({ exclusiveMinimum: 0, maximum: 1_000_000 }),
      burst: Type.Number({ minimum: 1, maximum: 1_000_000 }),
      keys: Type.Array(
        Type.Object(
          {
            key: Type.String({ minLength: 1, maxLength: 256 }),
            tokens: Type.Integer({ minimum: 1, maximum: 1_000 }),
          },
          closed,
        ),
        { minItems: 1, maxItems: 100 },
      ),
    },
    closed,
  ),
);

export const quotaGrantSchema: WireSchema<QuotaGrant> = wire<QuotaGrant>()(
  Type.Object(
    {
      keys: Type.Array(Type.Object({ tokens: Type.Integer(), waitMs: Type.Number() }, closed)),
    },
    closed,
  ),
);
