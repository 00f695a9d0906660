import { isIP } from 'node:net';
import { isLabel } from '@inmesh/core';
import { type TextType, text } from './field-type.ts';

/** The texts of resources. Lengths are those of DNS, Kubernetes and HTTP, or generous bounds. */

export const anyText: TextType = text('text', 4_096);

export const nonEmpty: TextType = text('text', 4_096, (value) =>
  value === '' ? 'must not be empty' : undefined,
);

export const label: TextType = text('label', 63, (value) =>
  isLabel(value)
    ? undefined
    : "must be 1 to 63 of a-z, 0-9 and '-', and start and end with a letter or digit",
);

const hostLabel = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

function isHostName(value: string): boolean {
  const name = value.endsWith('.') ? value.slice(0, -1) : value;
  return name !== '' && name.split('.').every((part) => hostLabel.test(part));
}

/** A numeric last label means an address, as in URLs: `10.0.0.1`, but `127.1` as well. */
function looksLikeAddress(value: string): boolean {
  return isIP(value) !== 0 || /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i.test(value);
}

function checkName(value: string): string | undefined {
  if (looksLikeAddress(value)) return 'must be a name, not an address: the mesh routes by name';
  return isHostName(value) ? undefined : 'must be a host name such as reviews or api.example.com';
}

/** A host without wildcard. */
export const host: TextType = text('host', 253, (value) =>
  value.includes('*') ? 'must be one host; a wildcard is for `hosts` only' : checkName(value),
);

/** A host, `*.suffix`, or `*`. */
export const hostPattern: TextType = text('host or *.suffix', 253, (value) => {
  if (value === '*') return undefined;
  return checkName(value.startsWith('*.') ? value.slice(2) : value);
});

/** A host with or without a port: what a `Host` header may be. */
export const authority: TextType = text('host[:port]', 261, (value) => {
  const match = /^(?:\[[0-9a-f:.]+\]|[^[\]:/?#@\s]+)(?::(\d{1,5}))?$/i.exec(value);
  return match !== null && Number(match[1] ?? 1) <= 65_535 && Number(match[1] ?? 1) >= 1
    ? undefined
    : 'must be a host with or without a port, such as api.example.com:8080';
});

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;

export const headerName: TextType = text('header name', 256, (value) =>
  token.test(value) ? undefined : 'must be a header name: letters, digits and - only',
);

/** What would change where a message ends, or whom it is for, is never a header operation. */
export const framingHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** `host` and `:authority` may be set; see the rules on who may set them. */
export const operatedHeaderName: TextType = text('header name', 256, (value) => {
  if (value.toLowerCase() === ':authority') return undefined;
  if (framingHeaders.has(value.toLowerCase())) return 'must not be changed: it frames the message';
  return headerName.check?.(value);
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
const control = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Whether `value` can stand in a header line without ending it. */
function headerSafe(value: string): string | undefined {
  return control.test(value)
    ? 'must not contain line breaks or other control characters'
    : undefined;
}

export const headerValue: TextType = text('header value', 8_192, (value) => {
  if (/%[A-Z][A-Z0-9_]*(?:\([^)]*\))?(?::\d+)?%/.test(value)) {
    return "must be literal text: Envoy's %COMMANDS% are not expanded";
  }
  return headerSafe(value);
});

/** For the `uri` of redirects and rewrites. */
export const uriReference: TextType = text('path', 8_192, (value) =>
  value === '' ? 'must not be empty' : pathSafe(value),
);

/** A space or line break in a request line would end it early. */
export function pathSafe(value: string): string | undefined {
  return /\s/.test(value) || control.test(value)
    ? 'must not contain spaces, line breaks or other control characters'
    : undefined;
}

/** Keys of maps: what would touch an object's prototype is refused, never merged. */
export const forbiddenKeys: ReadonlySet<string> = new Set([
  '__proto__',
  'constructor',
  'prototype',
]);

const qualified = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

export const labelKey: TextType = text('label key', 317, (value) => {
  const slash = value.indexOf('/');
  const name = value.slice(slash + 1);
  const good =
    qualified.test(name) && (slash < 0 || (isHostName(value.slice(0, slash)) && slash <= 253));
  return good ? undefined : 'must be a label key such as version or app.example.com/version';
});

export const labelValue: TextType = text('label value', 63, (value) => {
  if (value.includes('*')) return 'must be exact: wildcards are not supported in labels';
  return value === '' || qualified.test(value)
    ? undefined
    : "must be letters, digits, '-', '_' and '.', and start and end with a letter or digit";
});

/** `.` the own namespace, `*` all, `~` none, or a namespace. */
export const exportTarget: TextType = text('., *, ~ or namespace', 63, (value) =>
  ['.', '*', '~'].includes(value) || isLabel(value) ? undefined : 'must be ., *, ~ or a namespace',
);

export const ipBlock: TextType = text('address or CIDR', 49, (value) => {
  const [address = '', bits, more] = value.split('/');
  const version = isIP(address);
  const longest = version === 6 ? 128 : 32;
  const good =
    version !== 0 &&
    more === undefined &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest));
  return good ? undefined : 'must be an address or CIDR such as 10.1.0.0/16';
});

export const filePath: TextType = text('file', 4_096, (value) =>
  value === '' || value.includes('\0') ? 'must be the path of a file' : undefined,
);

export const method: TextType = text('method', 32, (value) =>
  token.test(value) ? undefined : 'must be an HTTP method such as GET',
);
