/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';
import base from './jest.config.ts';

/** Tests that start a real etcd, Prometheus, Chromium or Java. They share a machine, so one after the other. */
const config: Config = {
  ...base,
  testMatch: ['<rootDir>/{packages/*,interop}/test-system/**/*.test.ts'],
  maxWorkers: 1,
  testTimeout: 180_000,
};
export default config;
