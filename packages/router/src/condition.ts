import { joinedHeader, type RouteRequest } from '@inmesh/core';
import { claimValues } from './claims.ts';
import { queryValue, withoutQuery } from './query.ts';
import type { TextMatch } from './text-match.ts';

/** One thing that a match asks of a request. Classes, because large tables hold 100,000 of them. */
export interface Condition {
  test(request: RouteRequest): boolean;
  /** What is wanted, for people: `header end-user is "jason"`. */
  describe(): string;
  /** What the request has there; `undefined` when it has nothing. */
  actual(request: RouteRequest): string | undefined;
}

/** The port that a URL means when it names none. */
export function effectivePort(request: RouteRequest): number {
  return request.port ?? (request.scheme === 'https' ? 443 : 80);
}

/** The whole path equals; compared in place, because most requests carry no query. */
export class PathIs implements Condition {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
  test({ path }: RouteRequest): boolean {
    const length = this.path.length;
    return path.startsWith(this.path) && (path.length === length || path[length] === '?');
  }
  describe(): string {
    return `path is ${JSON.stringify(this.path)}`;
  }
  actual(request: RouteRequest): string {
    return withoutQuery(request.path);
  }
}

/** Raw text prefix, not by segment: `/foo` takes `/foobar`, as VirtualService says. */
export class PathStartsWith implements Condition {
  readonly prefix: string;
  constructor(prefix: string) {
    this.prefix = prefix;
  }
  test({ path }: RouteRequest): boolean {
    return path.startsWith(this.prefix);
  }
  describe(): string {
    return `path starts with ${JSON.stringify(this.prefix)}`;
  }
  actual(request: RouteRequest): string {
    return withoutQuery(request.path);
  }
}

/** Every other form: regex, and exact or prefix without regard to case. */
export class PathMatches implements Condition {
  readonly match: TextMatch;
  readonly ignoreCase: boolean;
  constructor(match: TextMatch, ignoreCase: boolean) {
    this.match = match;
    this.ignoreCase = ignoreCase;
  }
  test(request: RouteRequest): boolean {
    const path = withoutQuery(request.path);
    return this.match.test(this.ignoreCase ? path.toLowerCase() : path);
  }
  describe(): string {
    return `path ${this.match.describe()}${this.ignoreCase ? ' in any case' : ''}`;
  }
  actual(request: RouteRequest): string {
    return withoutQuery(request.path);
  }
}

export class FieldMatches implements Condition {
  readonly field: 'scheme' | 'method' | 'authority';
  readonly match: TextMatch;
  constructor(field: 'scheme' | 'method' | 'authority', match: TextMatch) {
    this.field = field;
    this.match = match;
  }
  test(request: RouteRequest): boolean {
    return this.match.test(request[this.field]);
  }
  describe(): string {
    return `${this.field} ${this.match.describe()}`;
  }
  actual(request: RouteRequest): string {
    return request[this.field];
  }
}

export class PortIs implements Condition {
  readonly port: number;
  constructor(port: number) {
    this.port = port;
  }
  test(request: RouteRequest): boolean {
    return effectivePort(request) === this.port;
  }
  describe(): string {
    return `port is ${this.port}`;
  }
  actual(request: RouteRequest): string {
    return String(effectivePort(request));
  }
}

/** Repeats are joined by commas before they are compared, as Envoy does. */
export class HeaderMatches implements Condition {
  readonly name: string;
  readonly match: TextMatch;
  constructor(name: string, match: TextMatch) {
    this.name = name;
    this.match = match;
  }
  test(request: RouteRequest): boolean {
    const value = joinedHeader(request.headers, this.name);
    return value !== undefined && this.match.test(value);
  }
  describe(): string {
    return `header ${this.name} ${this.match.describe()}`;
  }
  actual(request: RouteRequest): string | undefined {
    return joinedHeader(request.headers, this.name);
  }
}

export class QueryMatches implements Condition {
  readonly name: string;
  readonly match: TextMatch;
  constructor(name: string, match: TextMatch) {
    this.name = name;
    this.match = match;
  }
  test(request: RouteRequest): boolean {
    const value = queryValue(request.path, this.name);
    return value !== undefined && this.match.test(value);
  }
  describe(): string {
    return `query parameter ${this.name} ${this.match.describe()}`;
  }
  actual(request: RouteRequest): string | undefined {
    return queryValue(request.path, this.name);
  }
}

/** A claim of the verified token; of a list, any element. */
export class ClaimMatches implements Condition {
  readonly names: readonly string[];
  readonly match: TextMatch;
  constructor(names: readonly string[], match: TextMatch) {
    this.names = names;
    this.match = match;
  }
  test(request: RouteRequest): boolean {
    return claimValues(request, this.names).some((value) => this.match.test(value));
  }
  describe(): string {
    return `claim ${this.names.join('.')} ${this.match.describe()}`;
  }
  actual(request: RouteRequest): string | undefined {
    const values = claimValues(request, this.names);
    return values.length === 0 ? undefined : values.join(',');
  }
}

/** `withoutHeaders` with a value: a missing header counts as empty text. */
export class HeaderDiffers implements Condition {
  readonly name: string;
  readonly match: TextMatch;
  constructor(name: string, match: TextMatch) {
    this.name = name;
    this.match = match;
  }
  test(request: RouteRequest): boolean {
    return !this.match.test(joinedHeader(request.headers, this.name) ?? '');
  }
  describe(): string {
    return `not: header ${this.name} ${this.match.describe()}`;
  }
  actual(request: RouteRequest): string | undefined {
    return joinedHeader(request.headers, this.name);
  }
}

/** The opposite of another condition. */
export class Not implements Condition {
  readonly condition: Condition;
  constructor(condition: Condition) {
    this.condition = condition;
  }
  test(request: RouteRequest): boolean {
    return !this.condition.test(request);
  }
  describe(): string {
    return `not: ${this.condition.describe()}`;
  }
  actual(request: RouteRequest): string | undefined {
    return this.condition.actual(request);
  }
}
