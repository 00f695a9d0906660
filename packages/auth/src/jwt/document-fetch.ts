import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { MeshError } from '@inmesh/core';
import { Agent, buildConnector, request } from 'undici';
import { checkAddresses } from './address-policy.ts';

/** Reads a JSON document of an identity provider. */
export interface DocumentFetch {
  /** Rejects with a `MeshError` that names the host. */
  text(url: string, timeoutMs: number): Promise<string>;
  /** Ends what is under way. */
  close(): void;
}

/** Key sets have a few kB, a discovery document 10. */
const maxBytes = 256 * 1024;

/**
 * Fetches over undici: no redirects, 256 kB at most, one deadline for everything, and addresses
 * checked when the connection is made, so that a name cannot change its meaning in between.
 *
 * @param privateHosts Host names, lower-case, that may be in the own network and speak plain http.
 * @param tls Asked for every connection; `undefined` is the system's roots.
 */
export function createDocumentFetch(
  privateHosts: ReadonlySet<string>,
  tls: () => ConnectionOptions | undefined,
): DocumentFetch {
  const agent = new Agent({
    // An issuer is asked every few minutes: an open connection would only grow stale.
    keepAliveTimeout: 1_000,
    connections: 2,
    connect: checkedConnector(privateHosts, tls),
  });
  return {
    async text(url, timeoutMs) {
      checkKeyUrl(url, privateHosts);
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        const { statusCode, body } = await request(url, {
          dispatcher: agent,
          signal: deadline,
          headers: { accept: 'application/json' },
        });
        if (statusCode === 200) return await limitedText(body);
        await body.dump({ limit: maxBytes, signal: deadline });
        throw new MeshError('protocol_error', `it answered ${statusCode}, not 200`);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new MeshError('connect_failed', `${url} could not be read: ${reason}`, { cause });
      }
    },
    close() {
      agent.destroy(new MeshError('closed', 'the authentication was closed')).catch(() => {});
    },
  };
}

async function limitedText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop destroys the stream.
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new MeshError('response_too_large', `it is over ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Throws `invalid_argument` for a URL that keys are never fetched from, whatever it resolves to. */
export function checkKeyUrl(text: string, privateHosts: ReadonlySet<string>): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new MeshError('invalid_argument', `key URL ${JSON.stringify(text)} must be an https URL`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new MeshError('invalid_argument', 'a key URL must not carry a password');
  }
  const host = bare(url.hostname);
  if (url.protocol === 'http:' && !privateHosts.has(host)) {
    throw new MeshError(
      'invalid_argument',
      `key URL ${JSON.stringify(text)} must be https: on the way, keys in plain text can be changed; a host of your own network may be named in privateHosts`,
    );
  }
  if (isIP(host) !== 0) checkAddresses(host, [{ address: host }], privateHosts.has(host));
}

function checkedConnector(
  privateHosts: ReadonlySet<string>,
  tls: () => ConnectionOptions | undefined,
): buildConnector.connector {
  const checkedLookup: LookupFunction = (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      const failed = error ?? refusal(host, addresses, privateHosts);
      if (failed !== undefined) callback(failed, '');
      else if (options.all === true) callback(null, addresses);
      else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
    });
  };
  const common = { lookup: checkedLookup, timeout: 5_000, maxCachedSessions: 0 };
  return (options, callback) => {
    const host = bare(options.hostname);
    // A literal is never looked up.
    const failed = isIP(host) === 0 ? undefined : refusal(host, [{ address: host }], privateHosts);
    if (failed !== undefined) callback(failed, null);
    else buildConnector({ ...(tls() as object), ...common })(options, callback);
  };
}

function refusal(
  host: string,
  addresses: readonly { readonly address: string }[],
  privateHosts: ReadonlySet<string>,
): Error | undefined {
  try {
    checkAddresses(host, addresses, privateHosts.has(bare(host)));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Without brackets and the dot at the end, lower-case: the form in `privateHosts`. */
function bare(host: string): string {
  const name = host.startsWith('[') ? host.slice(1, -1) : host.toLowerCase();
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
