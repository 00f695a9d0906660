import type {
  Rollout,
  RolloutList,
  RolloutPlan,
  RolloutSample,
  RolloutState,
  RolloutVerdict,
  StartRollout,
} from '@inmesh/core';
import { Type } from 'typebox';
import { label, serviceNameSchema } from './common-schemas.ts';
import { type WireSchema, wire } from './wire-schema.ts';

const text = Type.String();
const number = Type.Number();
const integer = Type.Integer();
const maybeNumber = Type.Union([Type.Number(), Type.Null()]);

const minStepMs = 5_000;
const maxStepMs = 86_400_000;

const planFields = {
  steps: Type.Array(Type.Integer({ minimum: 1, maximum: 100 }), {
    minItems: 1,
    maxItems: 20,
    description: "the new version's shares in percent, rising, the last is 100",
  }),
  stepMs: Type.Integer({ minimum: minStepMs, maximum: maxStepMs }),
  maxStepMs: Type.Integer({ minimum: minStepMs, maximum: 10 * maxStepMs }),
  minCalls: Type.Integer({ minimum: 20, maximum: 1_000_000 }),
  significance: Type.Number({ minimum: 0.000001, maximum: 0.1 }),
  errorMargin: Type.Number({ minimum: 0, maximum: 1 }),
  latencyMargin: Type.Number({ minimum: 0, maximum: 1 }),
};

export const startRolloutSchema: WireSchema<StartRollout> = wire<StartRollout>()(
  Type.Object(
    {
      service: label,
      namespace: Type.Optional(label),
      from: label,
      to: label,
      ...Type.Partial(Type.Object(planFields)).properties,
    },
    { additionalProperties: false },
  ),
);

const sampleSchema: WireSchema<RolloutSample> = wire<RolloutSample>()(
  Type.Object({ calls: integer, errors: integer, p50Ms: maybeNumber, p99Ms: maybeNumber }),
);

const verdictSchema: WireSchema<RolloutVerdict> = wire<RolloutVerdict>()(
  Type.Object({
    at: text,
    step: integer,
    decision: Type.Union([
      Type.Literal('wait'),
      Type.Literal('advance'),
      Type.Literal('hold'),
      Type.Literal('roll-back'),
      Type.Literal('complete'),
    ]),
    from: sampleSchema,
    to: sampleSchema,
    reason: text,
    errorP: maybeNumber,
    latencyP: maybeNumber,
  }),
);

const stateSchema: WireSchema<RolloutState> = wire<RolloutState>()(
  Type.Union([
    Type.Object({ name: Type.Literal('running'), step: integer }),
    Type.Object({ name: Type.Literal('paused'), step: integer, reason: text }),
    Type.Object({ name: Type.Literal('holding'), step: integer, reason: text }),
    Type.Object({ name: Type.Literal('completed') }),
    Type.Object({ name: Type.Literal('rolled-back'), step: integer, reason: text }),
    Type.Object({ name: Type.Literal('aborted'), step: integer, reason: text }),
  ]),
);

const planSchema: WireSchema<RolloutPlan> = wire<RolloutPlan>()(Type.Object(planFields));

export const rolloutSchema: WireSchema<Rollout> = wire<Rollout>()(
  Type.Object({
    service: serviceNameSchema,
    from: text,
    to: text,
    plan: planSchema,
    state: stateSchema,
    startedAt: text,
    updatedAt: text,
    share: number,
    resource: text,
    verdicts: Type.Array(verdictSchema),
  }),
);

export const rolloutListSchema: WireSchema<RolloutList> = wire<RolloutList>()(
  Type.Object({ rollouts: Type.Array(rolloutSchema) }),
);
