import type { TLSSocket } from 'node:tls';
import type { Identity } from '@inmesh/core';
import type { Exchange } from '@inmesh/inbound';
import { rawValues } from '../jwt/token-location.ts';
import { clientAddress, type TrustedProxies } from './forwarded.ts';
import type { RequestAttributes } from './request-attributes.ts';

// The standard's characters only: no NUL, no wildcard, nothing that another reader could cut short.
const spiffeId = /^spiffe:\/\/[a-z0-9._-]+(?:\/[A-Za-z0-9._-]+)+$/;

/** An inbound request as policies see it. Each attribute is read when a policy asks for it. */
export class ExchangeAttributes implements RequestAttributes {
  readonly #exchange: Exchange;
  readonly #proxies: TrustedProxies;

  constructor(exchange: Exchange, proxies: TrustedProxies) {
    this.#exchange = exchange;
    this.#proxies = proxies;
  }

  get method(): string {
    return this.#exchange.method;
  }

  get path(): string {
    return this.#exchange.path;
  }

  header(name: string): readonly string[] {
    return rawValues(this.#exchange.request.rawHeaders, name);
  }

  /** A header alone proves nobody. */
  get peer(): Identity | undefined {
    const { identity } = this.#exchange.context;
    const peer = identity?.peerVerified === true ? identity.peer : undefined;
    return peer !== undefined && spiffeId.test(peer.spiffeId) ? peer : undefined;
  }

  get claims(): Readonly<Record<string, unknown>> | undefined {
    const claims = this.#exchange.context.identity?.claims;
    // Every verified token has an issuer; without a token there is an empty object.
    return claims?.iss === undefined ? undefined : claims;
  }

  get sourceIp(): string | undefined {
    return this.#exchange.request.socket.remoteAddress;
  }

  get remoteIp(): string | undefined {
    return clientAddress(this.sourceIp, this.header('x-forwarded-for'), this.#proxies);
  }

  get destinationIp(): string | undefined {
    return this.#exchange.request.socket.localAddress;
  }

  get destinationPort(): number | undefined {
    return this.#exchange.request.socket.localPort;
  }

  get sni(): string | undefined {
    const { servername } = this.#exchange.request.socket as Partial<TLSSocket> & {
      servername?: unknown;
    };
    return typeof servername === 'string' ? servername : undefined;
  }
}
