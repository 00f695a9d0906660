import type { HttpMatchRequest } from '../resources/index.ts';
import { labels, presenceMatch, stringMatch, uriMatch } from './common.ts';
import { notEmpty } from './exclusive.ts';
import {
  boolean,
  honoured,
  ignored,
  list,
  map,
  type ObjectType,
  object,
  port,
  type Rule,
  text,
} from './field-type.ts';
import { anyText, headerName, label, nonEmpty } from './formats.ts';

const claim = /^@request\.auth\.claims(?:(?:\.[^.[\]]+)+|(?:\[[^[\]]+\])+)$/;

/** A claim of the verified token may stand where a header name does. */
const matchedHeaderName = text('header name or claim', 256, (name) => {
  if (!name.startsWith('@')) return headerName.check?.(name);
  return claim.test(name)
    ? undefined
    : 'must be @request.auth.claims.NAME or @request.auth.claims[NAME], nested by more of them';
});

/** Header names are the same in any case, claims are not. */
const spell = (name: string): string => (name.startsWith('@') ? name : name.toLowerCase());

/** Istio has fields for them and passes over headers of these names. */
const fieldNames = new Set(['uri', 'scheme', 'method', 'authority']);

const checkHeaderNames: Rule<HttpMatchRequest> = (match, report) => {
  for (const field of ['headers', 'withoutHeaders'] as const) {
    for (const name of Object.keys(match[field] ?? {})) {
      if (!fieldNames.has(name)) continue;
      const reason = `would be passed over, as in Istio: use the field ${name} of the match`;
      report.error('invalid_value', reason, field, name);
    }
  }
};

export const httpMatchRequest: ObjectType = object<HttpMatchRequest>(
  'HTTPMatchRequest',
  {
    name: honoured(anyText, 'For the reason of a decision.'),
    uri: honoured(uriMatch, 'The path without the query.'),
    scheme: honoured(stringMatch, '`http` or `https`.'),
    method: honoured(stringMatch, 'Upper-case.'),
    authority: honoured(stringMatch, 'The `Host` header, with its port when it has one.'),
    headers: honoured(map(matchedHeaderName, presenceMatch, { spell }), 'All must match.'),
    withoutHeaders: honoured(
      map(matchedHeaderName, presenceMatch, { spell }),
      'None may match. A missing header counts as empty text.',
    ),
    queryParams: honoured(map(nonEmpty, presenceMatch), 'All must match.'),
    port: honoured(port, "The URL's port."),
    sourceLabels: honoured(labels, 'Selects calling workloads, once and not per request.'),
    sourceNamespace: honoured(label, 'Selects calling workloads, once and not per request.'),
    gateways: honoured(list(nonEmpty, { max: 100 }), 'Applies when it contains `mesh`.', {
      default: "the resource's",
    }),
    ignoreUriCase: honoured(boolean, 'Of exact and prefix, not of regex.', { default: 'false' }),
    statPrefix: ignored(anyText, 'statistics go by route name'),
  },
  { rules: [notEmpty('a match'), checkHeaderNames] },
);
