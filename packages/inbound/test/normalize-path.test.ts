import { normalizePath, type PathNormalization } from '@inmesh/inbound';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

test.each<[PathNormalization, string, string | undefined]>([
  ['base', '/', '/'],
  ['base', '/a/b', '/a/b'],
  ['base', '/a/./b', '/a/b'],
  ['base', '/a/../b', '/b'],
  ['base', '/../../b', '/b'],
  ['base', '/a/b/..', '/a/'],
  ['base', '/a/.', '/a/'],
  ['base', '/a/%2e%2E/b', '/b'],
  ['base', '/a/.%2e/b', '/b'],
  ['base', '/a\\..\\b', '/b'],
  ['base', '\\a', '/a'],
  ['base', '/%61dmin', '/admin'],
  ['base', '/%7Euser%5f%2D', '/~user_-'],
  ['base', '/.well-known/x', '/.well-known/x'],
  ['base', '/a..b/...', '/a..b/...'],
  ['base', '/a//b', '/a//b'],
  ['base', '/a%2Fb', '/a%2Fb'],
  ['base', '/%252e%252e/b', '/%252e%252e/b'],
  ['base', '/caf%C3%A9', '/caf%C3%A9'],
  ['base', '/100%', undefined],
  ['base', '/%%36%31dmin', undefined],
  ['base', '/%25%36%31dmin', '/%2561dmin'],
  ['none', '/100%', '/100%'],
  ['base', '/a;p=1/b', '/a;p=1/b'],
  ['base', '/a%00b', undefined],
  ['none', '/a%00b', undefined],
  ['none', '/a/../%61', '/a/../%61'],
  ['base', '/a/..%2fb', undefined],
  ['base', '/a%2F..', undefined],
  ['base', '/a%2F../b', undefined],
  ['base', '/a/%2e%2e%5Cb', undefined],
  ['base', '/a/.%2Fb', undefined],
  ['base', '/a/..b%2Fc', '/a/..b%2Fc'],
  ['none', '/a/..%2fb', '/a/..%2fb'],
  ['merge-slashes', '/a/..%2fb', undefined],
  ['merge-slashes', '//a///b', '/a/b'],
  ['merge-slashes', '/a%2F%2Fb', '/a%2F%2Fb'],
  ['decode-and-merge-slashes', '/a%2F%5cb', '/a/b'],
  ['decode-and-merge-slashes', '/a%2F..%2Fb', '/b'],
])('%s makes of %s %s', (mode, path, normal) => {
  expect(normalizePath(path, mode)).toBe(normal);
});

test('what is normal stays as it is, whatever the path was', () => {
  const part = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2F',
    '%5c',
    '\\',
    'a',
    '%61',
    '%',
    '%25',
    '36',
    '//',
    ';',
  );
  const modes = fc.constantFrom<PathNormalization>(
    'base',
    'merge-slashes',
    'decode-and-merge-slashes',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), modes, (parts, mode) => {
      const once = normalizePath(`/${parts.join('')}`, mode) ?? '/';
      expect(once.startsWith('/')).toBe(true);
      expect(once.split('/')).not.toContain('..');
      expect(once.split('/')).not.toContain('.');
      expect(once).not.toContain('\\');
      expect(normalizePath(once, mode)).toBe(once);
      if (mode !== 'base') expect(once).not.toContain('//');
    }),
  );
});
