import type { DestinationRuleSpec, Subset } from '../resources/index.ts';
import { exportTo, labels, selectorStaysHome, workloadSelector } from './common.ts';
import { refuseRepeats } from './exclusive.ts';
import { honoured, list, type ObjectType, object, required } from './field-type.ts';
import { hostPattern, label } from './formats.ts';
import { trafficPolicy } from './traffic-policy.ts';

const subset: ObjectType = object<Subset>('Subset', {
  name: required(label, 'Unique in the rule.'),
  labels: honoured(labels, 'Endpoints carry all of them.', { default: 'every endpoint' }),
  trafficPolicy: honoured(trafficPolicy, "Replaces the rule's, component by component."),
});

export const destinationRuleSpec: ObjectType = object<DestinationRuleSpec>(
  'DestinationRule',
  {
    host: required(hostPattern, 'As in a VirtualService; `*.suffix` is a wildcard.'),
    trafficPolicy: honoured(trafficPolicy, 'For every endpoint.'),
    subsets: honoured(list(subset, { max: 10_000 }), 'Named groups of endpoints.'),
    exportTo: honoured(exportTo, 'Namespaces that see it.', { default: "['*']" }),
    workloadSelector: honoured(workloadSelector, 'Only for these calling workloads.'),
  },
  {
    rules: [
      ({ subsets }, report) =>
        refuseRepeats(
          subsets,
          ({ name }) => name,
          (index, name) =>
            report.error('duplicate', `subset ${name} is defined twice`, 'subsets', index, 'name'),
        ),
      selectorStaysHome,
    ],
  },
);
