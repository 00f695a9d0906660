import { describe, expect, test } from '@jest/globals';
import { environmentName, listenOptionTable, meshOptionTable } from '../src/option-table.ts';
import { resolveOptions } from '../src/option-values.ts';
import { codeOnlyOptions, type ListenOptions, type MeshOptions } from '../src/options.ts';

const resolve = (code: MeshOptions, environment: Record<string, string> = {}): MeshOptions =>
  resolveOptions(meshOptionTable, codeOnlyOptions, code, environment);

describe('options', () => {
  test('come from the environment under their path in capitals', () => {
    expect(environmentName('breaker.failureRatio')).toBe('INMESH_BREAKER_FAILURE_RATIO');
    expect(environmentName('outlier.consecutive5xx')).toBe('INMESH_OUTLIER_CONSECUTIVE5XX');
    const options = resolve(
      {},
      {
        INMESH_SERVICE: 'orders',
        INMESH_REGISTRY: 'http://127.0.0.1:1, http://127.0.0.1:2',
        INMESH_LABELS: 'version=v2,team=core',
        INMESH_LOCALITY: 'eu/eu-1',
        INMESH_BREAKER_FAILURE_RATIO: '0.25',
        INMESH_RETRY_NON_IDEMPOTENT: 'true',
        INMESH_BALANCER: 'round-robin',
        INMESH_TIMEOUT_MS: '2500',
      },
    );
    expect(options).toEqual({
      service: 'orders',
      registry: ['http://127.0.0.1:1', 'http://127.0.0.1:2'],
      labels: { version: 'v2', team: 'core' },
      locality: { region: 'eu', zone: 'eu-1', subzone: '' },
      breaker: { failureRatio: 0.25 },
      retry: { nonIdempotent: true },
      balancer: { kind: 'round-robin' },
      timeoutMs: 2500,
    });
  });

  test('in code win over the environment, one by one within a group', () => {
    const code = { service: 'orders', breaker: { failureRatio: 0.1 } };
    const options = resolve(code, {
      INMESH_SERVICE: 'other',
      INMESH_BREAKER_MIN_CALLS: '7',
      INMESH_BREAKER_FAILURE_RATIO: '1',
    });
    expect(options).toEqual({ service: 'orders', breaker: { failureRatio: 0.1, minCalls: 7 } });
    expect(code.breaker).toEqual({ failureRatio: 0.1 });
  });

  test('that switch a policy off are not switched on by the environment', () => {
    expect(
      resolve({ service: 'a', breaker: null }, { INMESH_BREAKER_MIN_CALLS: '7' }).breaker,
    ).toBeNull();
  });

  test.each([
    [
      { INMESH_TIMEOUT_MS: '2147483648' },
      'INMESH_TIMEOUT_MS must be milliseconds within 0..86400000, got 2147483648',
    ],
    [
      { INMESH_TIMEOUT_MS: 'soon' },
      'INMESH_TIMEOUT_MS must be milliseconds within 0..86400000, got NaN',
    ],
    [
      { INMESH_BREAKER_FAILURE_RATIO: '3' },
      'INMESH_BREAKER_FAILURE_RATIO must be a number within 0..1, got 3',
    ],
    [{ INMESH_SERVICE: 'Orders' }, 'INMESH_SERVICE must be 1 to 63 of a-z'],
    [{ INMESH_ENDPOINTS: '{' }, 'INMESH_ENDPOINTS cannot be read'],
    [{ INMESH_LABELS: 'version' }, 'INMESH_LABELS cannot be read'],
    [{ INMESH_OUTBOUND: 'maybe' }, 'INMESH_OUTBOUND must be one of allow-any, registry-only'],
    [{ INMESH_START_DEGRADED: 'yes' }, 'INMESH_START_DEGRADED must be true or false'],
    [{ INMESH_BALANCER: 'fair' }, 'INMESH_BALANCER must be one of peak-ewma'],
  ])('in the environment that cannot be right are refused by name: %j', (environment, message) => {
    expect(() => resolve({}, environment as Record<string, string>)).toThrow(message);
  });

  test.each([
    [{ timeoutMs: 2 ** 31 }, 'timeoutMs must be milliseconds'],
    [{ timeoutMs: -1 }, 'timeoutMs must be milliseconds'],
    [{ weight: 0 }, 'weight must be a whole number within 1..1000, got 0'],
    [{ pool: { maxConnections: 0 } }, 'pool.maxConnections must be a whole number'],
    [{ labels: { version: 1 } }, 'labels must be an object of texts'],
    [{ labels: { a: 'b\r\nc' } }, 'labels must be an object of texts'],
    [{ metadata: JSON.parse('{"__proto__":"x"}') }, 'metadata must be an object of texts'],
    [{ locality: 'eu/eu-1' }, 'locality must be { region, zone, subzone }'],
    [{ registry: 8761 }, 'registry must be a list of texts, got 8761'],
    [{ endpoints: [] }, 'endpoints must be an object'],
    [{ snapshotFile: 1 }, 'snapshotFile must be text'],
    [{ timeoutMS: 5 }, 'there is no option "timeoutMS"'],
    [{ breaker: { ratio: 0.5 } }, 'there is no option "breaker.ratio"'],
  ])('in code that cannot be right are refused by name: %j', (code, message) => {
    expect(() => resolve(code as MeshOptions)).toThrow(message);
  });

  test.each([
    [{ port: -1 }, 'port must be a whole number within 0..65535'],
    [{ servicePort: 0 }, 'servicePort must be a whole number within 1..65535'],
    [{ drainTimeoutMs: 2 ** 31 }, 'drainTimeoutMs must be milliseconds'],
    [{ drainOn: ['SIGKILL'] }, 'drainOn must be a list of signals that a process can catch'],
    [{ drainOn: ['SIGTREM'] }, 'drainOn must be a list of signals that a process can catch'],
    [{ drainOn: 'SIGTERM' }, 'drainOn must be a list of signals that a process can catch'],
  ])('of listen that cannot be right are refused by name: %j', (code, message) => {
    expect(() => resolveOptions(listenOptionTable, [], code as ListenOptions, {})).toThrow(message);
  });
});
