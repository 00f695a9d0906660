import type {
  AuditPage,
  AuthorityStatus,
  CertificateIssued,
  CertificateRequest,
  LoggedIn,
  LogIn,
  NewRevocation,
  NewToken,
  Revocation,
  RevocationPage,
  ServiceTokenIssued,
  ServiceTokenRequest,
  TokenCreated,
  TokenList,
  TrustBundleAnswer,
} from '@inmesh/core';
import { Type } from 'typebox';
import { label, printable, serviceNameSchema } from './common-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

const closed = { additionalProperties: false } as const;
const tokenText = Type.String({ minLength: 1, maxLength: 8_192 });
/** As in Kubernetes, and what SPIFFE IDs may hold. */
const account = Type.String({
  pattern: '^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$',
  maxLength: 253,
});

export const certificateRequestSchema: WireSchema<CertificateRequest> = wire<CertificateRequest>()(
  Type.Object(
    {
      csr: Type.String({ maxLength: 16_384, description: 'PKCS#10 in PEM' }),
      proof: Type.Optional(
        Type.Union([
          Type.Object({ kind: Type.Literal('join-token'), token: tokenText }, closed),
          Type.Object({ kind: Type.Literal('kubernetes'), token: tokenText }, closed),
        ]),
      ),
    },
    closed,
  ),
);

export const certificateIssuedSchema: WireSchema<CertificateIssued> = wire<CertificateIssued>()(
  Type.Object({
    chain: Type.String({ description: 'PEM, the leaf first' }),
    bundle: Type.String({ description: 'PEM: whom to trust' }),
    spiffeId: Type.String(),
    serial: Type.String({ description: 'what a revocation names' }),
    expiresInMs: Type.Number(),
  }),
);

export const trustBundleSchema: WireSchema<TrustBundleAnswer> = wire<TrustBundleAnswer>()(
  Type.Object({ trustDomain: Type.String(), bundle: Type.String(), fingerprint: Type.String() }),
);

export const authorityStatusSchema: WireSchema<AuthorityStatus> = wire<AuthorityStatus>()(
  Type.Object({
    trustDomain: Type.String(),
    certificateLifeMs: Type.Number(),
    intermediate: Type.Boolean({ description: "whether an operator's authority signs" }),
    roots: Type.Array(
      Type.Object({
        fingerprint: Type.String(),
        subject: Type.String(),
        state: Type.Union([
          Type.Literal('next'),
          Type.Literal('signing'),
          Type.Literal('retiring'),
          Type.Literal('trusted'),
        ]),
        signsFrom: Type.Optional(Type.Number()),
        trustedUntil: Type.Optional(Type.Number()),
        expiresAt: Type.Number(),
      }),
    ),
  }),
);

export const rotationQuery: WireSchema<{ publishMs?: number }> = wire<{ publishMs?: number }>()(
  Type.Object(
    {
      publishMs: Type.Optional(
        Type.Integer({
          minimum: 1_000,
          maximum: 7_776_000_000,
          description:
            'how long the new root is known before it signs; a certificate’s life by default',
        }),
      ),
    },
    closed,
  ),
);

export const newTokenSchema: WireSchema<NewToken> = wire<NewToken>()(
  Type.Object(
    {
      kind: Type.Union([Type.Literal('join'), Type.Literal('reader'), Type.Literal('operator')]),
      name: Type.String({ minLength: 1, maxLength: 100, pattern: printable }),
      namespace: Type.Optional(label),
      serviceAccount: Type.Optional(account),
      uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
      ttlMs: Type.Optional(Type.Integer({ minimum: 1_000 })),
    },
    closed,
  ),
);

const tokenRecord = {
  id: Type.String(),
  kind: Type.Union([Type.Literal('join'), Type.Literal('reader'), Type.Literal('operator')]),
  name: Type.String(),
  namespace: Type.Optional(Type.String()),
  serviceAccount: Type.Optional(Type.String()),
  usesLeft: Type.Optional(Type.Integer()),
  createdAt: Type.Number(),
  expiresAt: Type.Number(),
};

export const tokenCreatedSchema: WireSchema<TokenCreated> = wire<TokenCreated>()(
  Type.Object({ ...tokenRecord, token: Type.String({ description: 'the secret, this once' }) }),
);

export const tokenListSchema: WireSchema<TokenList> = wire<TokenList>()(
  Type.Object({ tokens: Type.Array(Type.Object(tokenRecord)) }),
);

export const newRevocationSchema: WireSchema<NewRevocation> = wire<NewRevocation>()(
  Type.Object(
    {
      serial: Type.String({ minLength: 1, maxLength: 64 }),
      reason: Type.Optional(Type.String({ maxLength: 200, pattern: printable })),
    },
    closed,
  ),
);

const revocation = Type.Object({
  serial: Type.String(),
  reason: Type.String(),
  revokedAt: Type.Number(),
  until: Type.Number(),
});

export const revocationSchema: WireSchema<Revocation> = wire<Revocation>()(revocation);

export const revocationPageSchema: WireSchema<RevocationPage> = wire<RevocationPage>()(
  Type.Object({ revocations: Type.Array(revocation) }),
);

export const serviceTokenRequestSchema: WireSchema<ServiceTokenRequest> =
  wire<ServiceTokenRequest>()(Type.Object({ audience: serviceNameSchema }, closed));

export const serviceTokenIssuedSchema: WireSchema<ServiceTokenIssued> = wire<ServiceTokenIssued>()(
  Type.Object({ token: Type.String(), expiresInMs: Type.Number() }),
);

export const auditPageSchema: WireSchema<AuditPage> = wire<AuditPage>()(
  Type.Object({
    entries: Type.Array(
      Type.Object({
        number: Type.Integer(),
        at: Type.Number(),
        actor: Type.String(),
        remote: Type.String(),
        action: Type.String(),
        target: Type.Record(Type.String(), Type.String()),
        status: Type.Integer(),
      }),
    ),
    next: Type.Optional(Type.String()),
  }),
);

export const logInSchema: WireSchema<LogIn> = wire<LogIn>()(
  Type.Object({ token: tokenText }, closed),
);

export const loggedInSchema: WireSchema<LoggedIn> = wire<LoggedIn>()(
  Type.Object({
    role: Type.Union([Type.Literal('reader'), Type.Literal('operator')]),
    name: Type.String(),
    csrf: Type.String({ description: 'sent as x-inmesh-csrf with every change' }),
    expiresInMs: Type.Number(),
  }),
);
