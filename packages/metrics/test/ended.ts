import {
  createWorkload,
  type EndedAttempt,
  type EndedCall,
  type EndedRequest,
  type Endpoint,
  type StaticEndpoint,
  staticEndpoint,
  type Workload,
} from '@inmesh/core';
import { createRecorder, type Recorder, type RecorderOptions } from '@inmesh/metrics';
import { createFakeClock, type FakeClock } from '@inmesh/testing';

/** A workload to be, and something for every field of what ends. */
export const orders: Workload = createWorkload({ service: 'orders', version: 'v3' });

export function reviews(version: string, overrides: Partial<StaticEndpoint> = {}): Endpoint {
  return staticEndpoint('reviews.default', { port: 9080, labels: { version }, ...overrides });
}

export const reviewsV1: Endpoint = reviews('v1');

export function endedCall(overrides: Partial<EndedCall> = {}): EndedCall {
  return {
    service: 'reviews.default',
    subset: '',
    route: 'default',
    method: 'GET',
    path: '/ratings/7',
    scheme: 'http',
    authority: 'reviews',
    endpoint: reviewsV1,
    status: 200,
    flag: '-',
    attempts: 1,
    startedAt: 1_000,
    headAt: 1_002,
    endedAt: 1_003,
    requestBytes: 0,
    responseBytes: 700,
    error: undefined,
    mutualTls: false,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    parentSpanId: '',
    sampled: true,
    header: () => undefined,
    ...overrides,
  };
}

export function endedAttempt(overrides: Partial<EndedAttempt> = {}): EndedAttempt {
  return {
    call: endedCall(),
    service: 'reviews.default',
    subset: '',
    method: 'GET',
    endpoint: reviewsV1,
    number: 1,
    status: 200,
    flag: '-',
    startedAt: 1_000,
    endedAt: 1_003,
    error: undefined,
    spanId: '1111111111111111',
    ...overrides,
  };
}

export function endedRequest(overrides: Partial<EndedRequest> = {}): EndedRequest {
  return {
    method: 'GET',
    path: '/orders/7',
    route: '/orders/:id',
    status: 200,
    flag: '-',
    startedAt: 1_000,
    endedAt: 1_003,
    requestBytes: 0,
    responseBytes: 700,
    peerService: 'productpage.default',
    peerVersion: 'v1',
    peer: undefined,
    mutualTls: false,
    principal: undefined,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '2222222222222222',
    parentSpanId: '00f067aa0ba902b7',
    sampled: true,
    header: () => undefined,
    ...overrides,
  };
}

export interface RecorderUnderTest {
  readonly recorder: Recorder;
  readonly clock: FakeClock;
  [Symbol.dispose](): void;
}

export function openRecorder(options: Partial<RecorderOptions> = {}): RecorderUnderTest {
  const clock = createFakeClock();
  const recorder = createRecorder({ workload: orders, clock, ...options });
  return { recorder, clock, [Symbol.dispose]: () => recorder.close() };
}
