import type { CorsPolicy, HttpBody, HttpDirectResponse, HttpRedirect } from '../resources/index.ts';
import { stringMatch } from './common.ts';
import { atLeastOneOf, atMostOneOf, exactlyOneOf } from './exclusive.ts';
import {
  boolean,
  duration,
  type Field,
  honoured,
  integer,
  list,
  type ObjectType,
  object,
  oneOf,
  port,
  required,
  text,
} from './field-type.ts';
import { authority, headerName, method, uriReference } from './formats.ts';

/** What a route answers without an upstream, and the answers to browsers' preflights. */

/** Istio's limits on a direct response's body: refused above the first, a warning above the second. */
const longestBody = 1024 * 1024;
const longBody = 100 * 1024;

const redirectCodes = [301, 302, 303, 307, 308];

export const httpRedirect: ObjectType = object<HttpRedirect>(
  'HTTPRedirect',
  {
    uri: honoured(uriReference, 'Replaces the whole path.'),
    prefixRewrite: honoured(uriReference, 'Replaces the matched prefix; needs prefix matches.'),
    authority: honoured(authority, 'Replaces the host.'),
    port: honoured(port, 'Replaces the port.'),
    derivePort: honoured(
      oneOf('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
      "The scheme's own port, or the request's.",
    ),
    scheme: honoured(oneOf('http', 'https'), 'Replaces the scheme.'),
    redirectCode: honoured(integer(300, 399), '301, 302, 303, 307 or 308.', { default: '301' }),
  },
  {
    rules: [
      atMostOneOf<HttpRedirect>('uri', 'prefixRewrite'),
      atMostOneOf<HttpRedirect>('port', 'derivePort'),
      atLeastOneOf<HttpRedirect>(
        'uri',
        'prefixRewrite',
        'authority',
        'scheme',
        'port',
        'derivePort',
      ),
      ({ redirectCode }, report) => {
        if (redirectCode !== undefined && !redirectCodes.includes(redirectCode)) {
          report.error(
            'invalid_value',
            `must be one of ${redirectCodes.join(', ')}`,
            'redirectCode',
          );
        }
      },
    ],
  },
);

const httpBody: ObjectType = object<HttpBody>(
  'HTTPBody',
  {
    string: honoured(text('text', longestBody), 'As UTF-8.'),
    bytes: honoured(
      text('base64', Math.ceil(longestBody / 3) * 4, (value) =>
        /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0
          ? undefined
          : 'must be base64',
      ),
      'Bytes.',
    ),
  },
  {
    rules: [
      exactlyOneOf<HttpBody>('string', 'bytes'),
      ({ string = '', bytes = '' }, report) => {
        if (string.length > longBody || bytes.length > (longBody / 3) * 4) {
          report.warning('invalid_value', 'is over 100 kB: every client keeps it in memory');
        }
      },
    ],
  },
);

export const httpDirectResponse: ObjectType = object<HttpDirectResponse>('HTTPDirectResponse', {
  status: required(integer(200, 599), 'The status of the answer.'),
  body: honoured(httpBody, 'At most 1 MiB.', { default: 'empty' }),
});

const allowOrigin: Field = honoured(list(text('origin or *', 4_096)), 'Exact origins.', {
  deprecated: 'allowOrigins',
});

export const corsPolicy: ObjectType = object<CorsPolicy>(
  'CorsPolicy',
  {
    allowOrigins: honoured(list(stringMatch), 'One must match `Origin`; exact `*` is any.'),
    allowMethods: honoured(list(method), 'For `access-control-allow-methods`.'),
    allowHeaders: honoured(list(headerName), 'For `access-control-allow-headers`.'),
    exposeHeaders: honoured(list(headerName), 'For `access-control-expose-headers`.'),
    maxAge: honoured(duration(1, 1_000), 'For `access-control-max-age`; whole seconds.'),
    allowCredentials: honoured(boolean, 'For `access-control-allow-credentials`.', {
      default: 'false',
    }),
    unmatchedPreflights: honoured(
      oneOf('UNSPECIFIED', 'FORWARD', 'IGNORE'),
      'Preflights that no origin matches.',
      { default: 'FORWARD' },
    ),
  },
  {
    deprecated: { allowOrigin },
    upgrade: ({ allowOrigin: old, ...rest }) => {
      if (old === undefined || rest.allowOrigins !== undefined) return rest;
      const origins = old as readonly string[];
      return { ...rest, allowOrigins: origins.map((exact) => ({ exact })) };
    },
  },
);
