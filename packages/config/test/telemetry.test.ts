import { describe, expect, test } from '@jest/globals';
import { problemsOf } from './problems-of.ts';

describe('Telemetry', () => {
  const telemetry = (spec: object): string[] => problemsOf('Telemetry', spec);
  test('tracing.randomSamplingPercentage is within 0..100', () => {
    expect(telemetry({ tracing: [{ randomSamplingPercentage: 100.1 }] })).toEqual([
      'error invalid_value /spec/tracing/0/randomSamplingPercentage',
    ]);
  });
  test('tracing.customTags have exactly one source', () => {
    expect(telemetry({ tracing: [{ customTags: { a: {} } }] })).toEqual([
      'error missing_field /spec/tracing/0/customTags/a',
    ]);
  });
  test('metrics.overrides: UPSERT needs a value, REMOVE takes none', () => {
    const override = (tag: object): string[] =>
      telemetry({ metrics: [{ overrides: [{ tagOverrides: { tag } }] }] }).map((line) =>
        line.replace('/spec/metrics/0/overrides/0/tagOverrides/tag', ''),
      );
    expect(override({})).toEqual(['error missing_field /value']);
    expect(override({ operation: 'REMOVE', value: '"a"' })).toEqual(['error conflict /value']);
    expect(override({ operation: 'REMOVE' })).toEqual([]);
  });
  test('metrics.overrides.match takes one of metric and customMetric', () => {
    expect(
      telemetry({
        metrics: [{ overrides: [{ match: { metric: 'REQUEST_COUNT', customMetric: 'a' } }] }],
      }),
    ).toEqual(['error conflict /spec/metrics/0/overrides/0/match']);
  });
  test('a label may be made of a header or a host, and never of what is another one with each request', () => {
    const override = (value: string): string[] =>
      telemetry({ metrics: [{ overrides: [{ tagOverrides: { tag: { value } } }] }] });
    const at = 'error invalid_value /spec/metrics/0/overrides/0/tagOverrides/tag/value';
    expect(override("request.method + ' ' + inmesh.route")).toEqual([]);
    expect(override("request.headers['x-tenant'] == 'a' ? 'a' : request.host")).toEqual([]);
    expect(override('request.url_path')).toEqual([at]);
    expect(override("request.headers['x-tenant'] + request.id")).toEqual([at]);
    expect(override("request.duration > duration('1s')")).toEqual([at]);
    expect(override('request.headers')).toEqual([at]);
  });
  test('an expression that is not understood is refused with its path', () => {
    const filter = (expression: string): string[] =>
      telemetry({ accessLogging: [{ filter: { expression } }] });
    expect(filter("response.code >= 400 && !('x-probe' in request.headers)")).toEqual([]);
    const at = 'error invalid_value /spec/accessLogging/0/filter/expression';
    expect(filter('xds.route_name == "a"')).toEqual([at]);
    expect(filter('response.code')).toEqual([at]);
  });
  test('accessLogging.filter needs an expression', () => {
    expect(telemetry({ accessLogging: [{ filter: {} }] })).toEqual([
      'error missing_field /spec/accessLogging/0/filter/expression',
    ]);
  });
});
