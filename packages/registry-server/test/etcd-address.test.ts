import { createEtcdStore } from '@inmesh/registry-server';
import { describe, expect, test } from '@jest/globals';
import { parseEtcdAddress } from '../src/store/etcd/etcd-address.ts';

describe('the address of an etcd', () => {
  test.each([
    ['etcd://a', ['http://a:2379'], 'inmesh/'],
    ['etcd://a:1,b:2,a:1/', ['http://a:1', 'http://b:2'], 'inmesh/'],
    [
      'etcds://10.0.0.1,[::1]:4/mesh/prod',
      ['https://10.0.0.1:2379', 'https://[::1]:4'],
      'mesh/prod/',
    ],
  ])('%s is understood', (text, origins, root) => {
    expect(parseEtcdAddress(text)).toEqual({ origins, root });
  });

  test.each([
    'http://a:2379',
    'etcd://',
    'etcd://a,,b',
    'etcd://a:99999',
    'etcd://a/x?y=1',
    'etcd://a//x',
    `etcd://${Array.from({ length: 17 }, (_, i) => `h${i}`).join(',')}`,
  ])('%s is refused', (address) => {
    expect(() => createEtcdStore({ address })).toThrow(/registry: store/);
  });

  test('a password in it is refused, and not repeated', () => {
    expect(() => createEtcdStore({ address: 'etcd://root:hunter2@a:2379' })).toThrow(
      /must not carry credentials/,
    );
    expect(() => createEtcdStore({ address: 'etcd://root:hunter2@a:2379' })).not.toThrow(/hunter2/);
  });
});
