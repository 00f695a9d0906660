import { readFileSync } from 'node:fs';
import type { MeshErrorCode } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import { optionsPage } from '../src/option-docs.ts';

const page = (name: string): string =>
  readFileSync(new URL(`../../../docs/reference/${name}`, import.meta.url), 'utf8');

test('the options page is what the option tables say', () => {
  expect(page('options.md')).toBe(optionsPage());
});

test('the errors page has a line for every error code, and for nothing else', () => {
  // The type makes this list complete: a new code does not compile until it is here.
  const codes: Record<MeshErrorCode, true> = {
    invalid_argument: true,
    invalid_resource: true,
    body_consumed: true,
    unknown_service: true,
    unknown_port: true,
    no_endpoints: true,
    no_route: true,
    outbound_refused: true,
    circuit_open: true,
    overloaded: true,
    rate_limited: true,
    fault_injected: true,
    deadline_exceeded: true,
    attempt_timeout: true,
    connect_failed: true,
    connection_closed: true,
    protocol_error: true,
    response_too_large: true,
    aborted: true,
    registry_unavailable: true,
    session_unknown: true,
    not_found: true,
    conflict: true,
    revision_compacted: true,
    store_unavailable: true,
    unauthenticated: true,
    forbidden: true,
    start_timeout: true,
    closed: true,
    internal: true,
  };
  const listed = [...page('errors.md').matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code);
  expect(listed).toEqual(Object.keys(codes));
});
