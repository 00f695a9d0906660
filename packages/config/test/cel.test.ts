import { type CelValue, parseCel } from '@inmesh/config';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

const values: Readonly<Record<string, CelValue>> = {
  'request.method': 'GET',
  'request.url_path': '/api/v1/users',
  'request.duration': 750,
  'response.code': 503,
  'connection.mtls': true,
  'inmesh.flag': 'UO',
};
const headers: Readonly<Record<string, string>> = { 'user-agent': 'curl/8.1' };

function evaluate(text: string): CelValue {
  const parsed = parseCel(text);
  if ('reason' in parsed) throw new Error(parsed.reason);
  return parsed.expression.evaluate({
    attribute: (name) => values[name],
    header: (name) => headers[name],
  });
}

function reason(text: string): string {
  const parsed = parseCel(text);
  return 'reason' in parsed ? parsed.reason : 'understood';
}

describe('what is understood', () => {
  test.each<[string, CelValue]>([
    ['response.code >= 500', true],
    ['response.code==200||response.code == 503', true],
    ['!(response.code < 500) && request.method != "POST"', true],
    ["request.url_path.startsWith('/api/') && !request.url_path.endsWith('/health')", true],
    ["request.url_path.contains('v2')", false],
    ["request.url_path.matches('v[0-9]+')", true],
    ["request.headers['User-Agent'].startsWith('curl')", true],
    ["'user-agent' in request.headers", true],
    ["'cookie' in request.headers", false],
    ["inmesh.flag in ['UO', 'UH']", true],
    ['response.code in [500, 503]', true],
    ["request.duration > duration('500ms')", true],
    ['connection.mtls == false', false],
    ["response.code >= 500 ? 'bad' : 'good'", 'bad'],
    ["request.method + ' ' + string(response.code)", 'GET 503'],
    ['"it\'s \\"quoted\\"\\n"', 'it\'s "quoted"\n'],
    ['-1 < 0', true],
  ])('%s', (text, value) => {
    expect(evaluate(text)).toBe(value);
  });

  test('what is made of a header that is not there is nothing, unless the other side decides', () => {
    expect(evaluate("request.headers['cookie'] == 'a'")).toBeUndefined();
    expect(evaluate("!(request.headers['cookie'] == 'a')")).toBeUndefined();
    expect(evaluate("request.headers['cookie'] == 'a' || true")).toBe(true);
    expect(evaluate("request.headers['cookie'] == 'a' && false")).toBe(false);
    expect(evaluate("request.headers['cookie'] == 'a' && true")).toBeUndefined();
    expect(evaluate("request.headers['cookie'] == 'a' ? 'a' : 'b'")).toBeUndefined();
  });
});

describe('what is refused says why and where', () => {
  test.each([
    ['', 'does not expect the end (at character 1)'],
    ['response.code >=', 'does not expect the end (at character 17)'],
    ['response.code = 1', 'does not understand "=" (at character 15)'],
    ['response.code > "a"', 'needs number and not text (at character 15)'],
    ['response.code && true', 'needs boolean and not number (at character 15)'],
    ['connection.mtls < true', 'a boolean is neither more nor less than another'],
    ['request.path == "/"', 'use request.url_path'],
    ['response.flags == 1', 'use inmesh.flag'],
    ['request.nothing == "/"', 'does not know request.nothing; there are request.method'],
    ['destination.workload.name == "a"', 'use upstream_peer.app, .namespace'],
    ['source_app == "a"', 'use downstream_peer.app'],
    ['request_operation == "a"', 'use inmesh.route'],
    ['exists(request.method)', 'does not know the function exists'],
    ['request.method.upper("a")', 'does not know the method upper'],
    ['request.method.matches(inmesh.route)', 'needs a text in quotes'],
    ['request.method.matches("(?=a)")', 'is not a regular expression of RE2'],
    ["request.duration > duration('5 minutes')", 'must be a number with a unit'],
    ['request.headers == request.headers', 'cannot compare headers'],
    ['"\\x41" == "A"', 'has the escape \\x'],
    ['true ? 1 : "a"', 'needs number and not text'],
    ['1 in []', 'does not expect ]'],
    [`${'('.repeat(60)}true${')'.repeat(60)}`, 'is nested too deeply'],
    [`${'!'.repeat(60)}true`, 'is nested too deeply'],
    ['true true', 'does not expect true (at character 6)'],
    ["request.headers['x'", "needs ']', not the end"],
  ])('%s', (text, why) => {
    expect(reason(text)).toContain(why);
  });
});

test('no text makes it throw', () => {
  const pieces = [
    'request.method',
    '==',
    '&&',
    '(',
    ')',
    "'a'",
    '1',
    '!',
    'in',
    '[',
    ']',
    '?',
    ':',
    '.',
    '+',
  ];
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fc.constantFrom(...pieces)).map((all) => all.join(' ')),
      ),
      (text) => {
        const parsed = parseCel(text);
        if ('expression' in parsed) {
          parsed.expression.evaluate({ attribute: () => undefined, header: () => undefined });
        }
      },
    ),
  );
});
