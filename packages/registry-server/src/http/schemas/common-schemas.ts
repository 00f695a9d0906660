import type {
  ConfigRevision,
  EndpointStatus,
  EndpointTls,
  Locality,
  Problem,
  ServiceName,
  WireRevision,
} from '@inmesh/core';
import { Type } from 'typebox';
import { type WireSchema, wire } from './wire-schema.ts';

/** Everything but control characters: names end up in logs, terminals and headers. */
export const printable = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$';

/** Object keys that JavaScript treats specially are refused wherever the sender names the keys. */
export const mapKey =
  '^(?!(?:__proto__|constructor|prototype)$)[^\\u0000-\\u001f\\u007f-\\u009f]{1,253}$';

/** Printable text of at most so many characters: it ends up in pages, terminals and logs. */
export function text(maxLength: number): ReturnType<typeof Type.String> {
  return Type.String({ maxLength, pattern: printable });
}

export const label: WireSchema<string> = wire<string>()(
  Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$', maxLength: 63 }),
);

export const methodSchema: WireSchema<string> = wire<string>()(
  Type.String({ pattern: "^[A-Za-z!#$%&'*+.^_`|~0-9-]{1,32}$" }),
);

export const serviceNameSchema: WireSchema<ServiceName> = wire<ServiceName>()(
  Type.String({
    pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$',
    maxLength: 127,
    description: '`name.namespace`',
  }),
);

/** Printable ASCII without spaces: it is part of URLs and of keys in the store. */
export const endpointId: WireSchema<string> = wire<string>()(
  Type.String({ pattern: '^[!-~]{1,253}$', maxLength: 253 }),
);

export const revisionSchema: WireSchema<WireRevision> = wire<WireRevision>()(
  Type.String({ description: '`epoch:number`; opaque but for the order of the number' }),
);

export const configRevisionSchema: WireSchema<ConfigRevision> = wire<ConfigRevision>()(
  Type.String({
    minLength: 1,
    maxLength: 64,
    pattern: printable,
    description: 'of the whole configuration; opaque; 0: nothing was ever applied here',
  }),
);

export const statusSchema: WireSchema<EndpointStatus> = wire<EndpointStatus>()(
  Type.Union([Type.Literal('up'), Type.Literal('draining'), Type.Literal('down')]),
);

export const tlsSchema: WireSchema<EndpointTls> = wire<EndpointTls>()(
  Type.Union([Type.Literal('none'), Type.Literal('permissive'), Type.Literal('strict')]),
);

const localityPart = Type.String({ maxLength: 253, pattern: printable });

export const localitySchema: WireSchema<Locality> = wire<Locality>()(
  Type.Object(
    { region: localityPart, zone: localityPart, subzone: localityPart },
    { additionalProperties: false },
  ),
);

export const problemSchema: WireSchema<Problem> = wire<Problem>()(
  Type.Object({
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: 'machine-readable; see the list of error codes' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ path: Type.String(), message: Type.String() }), {
        description: 'JSON pointers to the fields at fault',
      }),
    ),
  }),
);

/** The fields of a page's query. */
export interface PageQuery {
  readonly limit?: number;
  readonly after?: string;
}

/** @param cursor What `next` of the page before looks like. */
export function pageQuery(cursor: WireSchema<string>): WireSchema<PageQuery> {
  return wire<PageQuery>()(
    Type.Object(
      {
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
        after: Type.Optional(cursor),
      },
      { additionalProperties: false },
    ),
  );
}
