import type { Percent, PortSelector, StringMatch, WorkloadSelector } from '../resources/index.ts';
import { atMostOneOf, exactlyOneOf } from './exclusive.ts';
import {
  type FieldType,
  honoured,
  list,
  map,
  number,
  type ObjectType,
  object,
  port,
  type Rule,
  required,
  text,
} from './field-type.ts';
import { exportTarget, labelKey, labelValue } from './formats.ts';
import { presenceRegex, regex } from './regex.ts';

/** Messages that several kinds share. */

const prefix = text('text', 4_096, (value) => (value === '' ? 'must not be empty' : undefined));

export const stringMatch: ObjectType = object<StringMatch>(
  'StringMatch',
  {
    exact: honoured(text('text', 8_192), 'The whole text, case-sensitive.'),
    prefix: honoured(prefix, 'How the text starts.'),
    regex: honoured(regex, 'RE2, in linear time; must match the whole text.'),
  },
  { rules: [exactlyOneOf<StringMatch>('exact', 'prefix', 'regex')] },
);

/** Of `uri`, where an empty prefix is legal and matches every path. */
export const uriMatch: ObjectType = object<StringMatch>(
  'StringMatch (uri)',
  {
    exact: honoured(text('path', 8_192), 'The whole path without the query.'),
    prefix: honoured(text('path', 4_096), 'A plain text prefix: `/foo` also matches `/foobar`.'),
    regex: honoured(regex, 'RE2; must match the whole path.'),
  },
  { rules: [exactlyOneOf<StringMatch>('exact', 'prefix', 'regex')] },
);

/** In maps of headers and query parameters, where `{}` asks for presence. */
export const presenceMatch: ObjectType = object<StringMatch>(
  'StringMatch (header, query)',
  {
    exact: honoured(text('text', 8_192), 'The whole value. Of a query parameter, empty is `?key`.'),
    prefix: honoured(prefix, 'How the value starts.'),
    regex: honoured(presenceRegex, 'RE2; must match the whole value. `*`, like `{}`, is presence.'),
  },
  { rules: [atMostOneOf<StringMatch>('exact', 'prefix', 'regex')] },
);

export const percentage: ObjectType = object<Percent>(
  'Percent',
  { value: honoured(number(0, 100), '0, or 0.0001 to 100.', { default: '0' }) },
  {
    rules: [
      ({ value }, report) => {
        if (value !== undefined && value > 0 && value < 0.0001) {
          report.error('invalid_value', 'must be 0 or at least 0.0001', 'value');
        }
      },
    ],
  },
);

export const portSelector: ObjectType = object<PortSelector>('PortSelector', {
  number: required(port, 'In the sense of a URL.'),
});

export const labels: FieldType = map(labelKey, labelValue);

export const workloadSelector: ObjectType = object<WorkloadSelector>('WorkloadSelector', {
  matchLabels: honoured(labels, 'Workloads that carry all of them; none given selects all.'),
});

export const exportTo: FieldType = list(exportTarget, { max: 1_000 });

/** What selects workloads is for those of its own namespace. */
export const selectorStaysHome: Rule<{
  readonly exportTo?: readonly string[];
  readonly workloadSelector?: WorkloadSelector;
}> = (spec, report) => {
  if (spec.workloadSelector === undefined) return;
  (spec.exportTo ?? []).forEach((target, index) => {
    if (target === '.') return;
    const reason = 'must be . beside workloadSelector, which selects in the own namespace';
    report.error('conflict', reason, 'exportTo', index);
  });
};

/** Why `targetRefs` and the like are refused wherever they occur. */
export const noWaypoints =
  'selects gateways and waypoints, which this mesh has not; use selector instead';
