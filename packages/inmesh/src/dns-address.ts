import { MeshError } from '@inmesh/core';
import type { DnsSourceOptions } from '@inmesh/registry-client/dns';

/** Scheme, name server, name, port, type of record: as in RFC 4501 and in gRPC's targets. */
const shape = /^dns:(?:\/\/([^/?]*)\/)?([^/?:]+)(?::(\d{1,5}))?(?:\?type=(A|SRV))?$/;

/**
 * Reads `dns:{service}.internal:8080`, `dns:_http._tcp.{service}.{namespace}.example.com?type=SRV`
 * and, with a name server, `dns://127.0.0.1:8600/{service}.service.consul?type=SRV`.
 * Throws `invalid_argument`; what is wrong with a part, the source says.
 */
export function readDnsAddress(text: string): Pick<DnsSourceOptions, 'pattern' | 'nameServers'> {
  const [, server = '', name = '', port, type = 'A'] = shape.exec(text) ?? [];
  const isSrv = type === 'SRV';
  // SRV records say the ports, addresses do not.
  if (name === '' || isSrv === (port !== undefined)) {
    throw new MeshError(
      'invalid_argument',
      `registry must be like dns:{service}.internal:8080 or dns:_http._tcp.{service}.internal?type=SRV, got ${JSON.stringify(text)}`,
    );
  }
  return {
    pattern: isSrv ? { srv: name } : { host: name, port: Number(port) },
    ...(server === '' ? {} : { nameServers: [server] }),
  };
}
