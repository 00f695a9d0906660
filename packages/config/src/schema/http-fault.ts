import type { FaultAbort, FaultDelay, HttpFaultInjection } from '../resources/index.ts';
import { percentage } from './common.ts';
import { atLeastOneOf, exactlyOneOf } from './exclusive.ts';
import {
  duration,
  type Field,
  honoured,
  integer,
  type ObjectType,
  object,
  oneOf,
  type Report,
  required,
  percent as wholePercent,
} from './field-type.ts';

const percent: Field = honoured(wholePercent, 'Whole percents.', { deprecated: 'percentage' });

/** In Istio an absent percentage is 0 %: legal, and never what was meant. */
function tellNoEffect(fault: FaultDelay | FaultAbort, report: Report): void {
  if ((fault.percentage?.value ?? 0) > 0) return;
  report.warning('no_effect', 'never happens: without percentage.value it is 0 %', 'percentage');
}

/** The deprecated `percent` in its new place; `percentage` wins when both are given. */
function withPercentage<T extends { readonly percentage?: unknown }>(
  fault: T & { readonly percent?: unknown },
): T {
  const { percent: old, ...rest } = fault;
  if (old === undefined || rest.percentage !== undefined) return rest as unknown as T;
  return { ...rest, percentage: { value: old } } as unknown as T;
}

const faultDelay: ObjectType = object<FaultDelay>(
  'HTTPFaultInjection.Delay',
  {
    fixedDelay: required(duration(), 'How long.'),
    percentage: honoured(percentage, 'How often.', { default: '0 %' }),
  },
  {
    deprecated: { percent },
    upgrade: withPercentage,
    refused: { exponentialDelay: 'is not supported, in Istio neither: use fixedDelay' },
    rules: [tellNoEffect],
  },
);

const grpcStatus = oneOf(
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
);

const faultAbort: ObjectType = object<FaultAbort>(
  'HTTPFaultInjection.Abort',
  {
    httpStatus: honoured(integer(200, 599), 'The status of the answer.'),
    grpcStatus: honoured(grpcStatus, 'Answered as the HTTP status that Envoy maps it to.'),
    percentage: honoured(percentage, 'How often.', { default: '0 %' }),
  },
  {
    refused: {
      http2Error: 'is not supported, in Istio neither: use httpStatus',
    },
    deprecated: { percent },
    upgrade: withPercentage,
    rules: [exactlyOneOf<FaultAbort>('httpStatus', 'grpcStatus'), tellNoEffect],
  },
);

export const httpFaultInjection: ObjectType = object<HttpFaultInjection>(
  'HTTPFaultInjection',
  {
    delay: honoured(faultDelay, 'Before the call, or each attempt: `inmesh.dev/fault-scope`.'),
    abort: honoured(faultAbort, 'Instead of the call, or of an attempt.'),
  },
  { rules: [atLeastOneOf<HttpFaultInjection>('delay', 'abort')] },
);
