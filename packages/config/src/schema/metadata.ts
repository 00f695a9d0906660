import type { ResourceMetadata } from '../resources/index.ts';
import {
  type Field,
  honoured,
  map,
  type ObjectType,
  object,
  required,
  state,
  text,
} from './field-type.ts';
import { label, labelKey, labelValue } from './formats.ts';

const resourceName = text('DNS subdomain', 253, (name) =>
  /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name) && !name.includes('..')
    ? undefined
    : "must be of a-z, 0-9, '-' and '.', and start and end with a letter or digit",
);

const timestamp = text('RFC 3339', 64, (value) =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value) && !Number.isNaN(Date.parse(value))
    ? undefined
    : 'must be a time such as 2026-01-31T12:00:00Z',
);

/** Kubernetes' own limit on all annotations of a resource together is 256 KiB. */
const annotationValue = text('text', 256 * 1024);

/** What `kubectl get -o yaml` prints besides, and what means nothing outside a cluster. */
const left: Field = state("Kubernetes' own.");
const kubernetesFields = [
  'uid',
  'resourceVersion',
  'generation',
  'managedFields',
  'ownerReferences',
  'finalizers',
  'selfLink',
  'generateName',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
];

export const metadata: ObjectType = object<ResourceMetadata>(
  'ObjectMeta',
  {
    name: required(resourceName, 'Unique among its kind and namespace.'),
    namespace: honoured(label, 'Short host names are of it.', { default: 'default' }),
    labels: honoured(map(labelKey, labelValue), 'For people.'),
    annotations: honoured(map(labelKey, annotationValue), 'Those of `inmesh.dev/` mean something.'),
    creationTimestamp: honoured(timestamp, 'Of rules for one host the oldest wins.'),
  },
  {
    deprecated: Object.fromEntries(kubernetesFields.map((name) => [name, left])),
    upgrade: ({ name, namespace, labels, annotations, creationTimestamp }) => ({
      name,
      namespace: namespace ?? 'default',
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    }),
  },
);
