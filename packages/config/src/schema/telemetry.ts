import { parseCel } from '../cel/parse-cel.ts';
import type {
  AccessLogging,
  CustomTag,
  MetricSelector,
  Metrics,
  MetricsOverride,
  ProviderRef,
  TagOverride,
  TelemetrySpec,
  Tracing,
} from '../resources/index.ts';
import { noWaypoints, workloadSelector } from './common.ts';
import { atMostOneOf, exactlyOneOf } from './exclusive.ts';
import {
  any,
  boolean,
  duration,
  type FieldType,
  honoured,
  ignored,
  list,
  map,
  number,
  type ObjectType,
  object,
  oneOf,
  required,
  text,
} from './field-type.ts';
import { anyText, headerName, nonEmpty } from './formats.ts';

const mode: FieldType = oneOf('CLIENT_AND_SERVER', 'CLIENT', 'SERVER');
const tagName = text('tag', 128, (name) =>
  /^[A-Za-z_][A-Za-z0-9_.]*$/.test(name) ? undefined : 'must be letters, digits, _ and .',
);
const maxExpressionLength = 4_096;
const filterExpression = text('CEL expression', maxExpressionLength, (value) => {
  const parsed = parseCel(value);
  if ('reason' in parsed) return parsed.reason;
  const { type } = parsed.expression;
  return type === 'boolean' ? undefined : `must be true or false, and is a ${type}`;
});
const tagExpression = text('CEL expression', maxExpressionLength, (value) => {
  const parsed = parseCel(value);
  if ('reason' in parsed) return parsed.reason;
  const { type, unboundedAttributes } = parsed.expression;
  if (type === 'headers') return 'must be a text, a number or a boolean, and is all headers';
  return unboundedAttributes.length === 0
    ? undefined
    : `must not be made of ${unboundedAttributes.join(', ')}: each request brings another one, and series would grow without end; inmesh.route is the path's pattern, and response.code, request.method, request.host and a header have few values`;
});

const provider: ObjectType = object<ProviderRef>('ProviderRef', {
  name: required(nonEmpty, 'Of an adapter.'),
});
const providers: FieldType = list(provider, { max: 20 });

const modeMatch: ObjectType = object<NonNullable<Tracing['match']>>('Selector', {
  mode: honoured(mode, 'Which side.', { default: 'CLIENT_AND_SERVER' }),
});

const literal = object<NonNullable<CustomTag['literal']>>('Tracing.Literal', {
  value: required(anyText, 'Itself.'),
});
const environment = object<NonNullable<CustomTag['environment']>>('Tracing.Environment', {
  name: required(nonEmpty, 'Of the variable.'),
  defaultValue: honoured(anyText, 'Where it is not set.'),
});
const header = object<NonNullable<CustomTag['header']>>('Tracing.RequestHeader', {
  name: required(headerName, 'Of the header.'),
  defaultValue: honoured(anyText, 'Where it is missing.'),
});

const customTag: ObjectType = object<CustomTag>(
  'Tracing.CustomTag',
  {
    literal: honoured(literal, 'A fixed text.'),
    environment: honoured(environment, "The process' environment."),
    header: honoured(header, 'A request header.'),
    formatter: ignored(any, "Envoy's formats are not expanded"),
  },
  { rules: [exactlyOneOf<CustomTag>('literal', 'environment', 'header', 'formatter')] },
);

const tracing: ObjectType = object<Tracing>('Tracing', {
  match: honoured(modeMatch, 'Which side.'),
  providers: honoured(providers, 'Adapters that get the spans.'),
  randomSamplingPercentage: honoured(number(0, 100), 'Of traces that begin here.'),
  disableSpanReporting: honoured(boolean, 'Pass the context on and report nothing.'),
  customTags: honoured(map(tagName, customTag), 'On every span.'),
  enableIstioTags: ignored(boolean, 'spans follow the conventions of OpenTelemetry'),
  useRequestIdForTraceSampling: ignored(boolean, 'sampling goes by the trace context', {
    harmless: [false],
  }),
  disableContextPropagation: honoured(boolean, 'Do not pass the context on.'),
});

const metricSelector: ObjectType = object<MetricSelector>(
  'MetricSelector',
  {
    metric: honoured(
      oneOf(
        'ALL_METRICS',
        'REQUEST_COUNT',
        'REQUEST_DURATION',
        'REQUEST_SIZE',
        'RESPONSE_SIZE',
        'TCP_OPENED_CONNECTIONS',
        'TCP_CLOSED_CONNECTIONS',
        'TCP_SENT_BYTES',
        'TCP_RECEIVED_BYTES',
        'GRPC_REQUEST_MESSAGES',
        'GRPC_RESPONSE_MESSAGES',
      ),
      'A standard metric. There are none of TCP and gRPC.',
      { default: 'ALL_METRICS' },
    ),
    customMetric: honoured(nonEmpty, 'Another metric, by name.'),
    mode: honoured(mode, 'Which side.', { default: 'CLIENT_AND_SERVER' }),
  },
  { rules: [atMostOneOf<MetricSelector>('metric', 'customMetric')] },
);

const tagOverride: ObjectType = object<TagOverride>(
  'MetricsOverrides.TagOverride',
  {
    operation: honoured(oneOf('UPSERT', 'REMOVE'), 'Set or take out.', { default: 'UPSERT' }),
    value: honoured(tagExpression, 'With UPSERT.'),
  },
  {
    rules: [
      ({ operation = 'UPSERT', value }, report) => {
        if (operation === 'REMOVE' && value !== undefined) {
          report.error('conflict', 'has no effect with REMOVE', 'value');
        } else if (operation === 'UPSERT' && value === undefined) {
          report.error('missing_field', 'is needed with UPSERT', 'value');
        }
      },
    ],
  },
);

const override: ObjectType = object<MetricsOverride>('MetricsOverrides', {
  match: honoured(metricSelector, 'Which metrics.', { default: 'all' }),
  disabled: honoured(boolean, 'Leave them out.', { default: 'false' }),
  tagOverrides: honoured(map(tagName, tagOverride), 'Labels by name.'),
});

const metrics: ObjectType = object<Metrics>('Metrics', {
  providers: honoured(providers, 'Adapters that get the metrics.'),
  overrides: honoured(list(override, { max: 1_000 }), 'In order; later ones win.'),
  reportingInterval: ignored(duration(), 'of TCP metrics, which there are none of'),
});

const filter: ObjectType = object<NonNullable<AccessLogging['filter']>>('AccessLogging.Filter', {
  expression: required(filterExpression, 'The common comparisons.'),
});

const accessLogging: ObjectType = object<AccessLogging>('AccessLogging', {
  match: honoured(modeMatch, 'Which side.'),
  providers: honoured(providers, 'Adapters that get the log.'),
  disabled: honoured(boolean, 'Write none.', { default: 'false' }),
  filter: honoured(filter, 'Which requests.', { default: 'all' }),
});

export const telemetrySpec: ObjectType = object<TelemetrySpec>(
  'Telemetry',
  {
    selector: honoured(workloadSelector, 'Which workloads of the namespace.', { default: 'all' }),
    tracing: honoured(list(tracing, { max: 100 }), 'Spans.'),
    metrics: honoured(list(metrics, { max: 100 }), 'Metrics.'),
    accessLogging: honoured(list(accessLogging, { max: 100 }), 'Access log.'),
  },
  { refused: { targetRef: noWaypoints, targetRefs: noWaypoints } },
);
