import { systemProgram } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';

describe('systemProgram', () => {
  test('finds a program on the PATH', () => {
    expect(systemProgram('node', 'nodejs')).toMatch(/\/node$/);
  });

  test('says which package to install where it is missing', () => {
    expect(() => systemProgram('no-such-daemon', 'no-such-server')).toThrow(
      'no-such-daemon is not installed: a system test starts the real one; install it with `apt-get install no-such-server`',
    );
  });
});
