import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { systemProgram } from '@inmesh/testing';

/** The Maven project: a Spring service and a Spring Eureka server, as their guides have them. */
const project = resolve(import.meta.dirname, '..');

type Program = 'spring-service' | 'spring-eureka';

const jarOf = (program: Program): string => join(project, program, 'target', `${program}-0.jar`);

/** Builds the project unless its jars are newer than everything that they are made of. Takes minutes the first time: Maven fetches Spring. */
export function buildSpring(): void {
  const maven = systemProgram('mvn', 'maven');
  systemProgram('javac', 'default-jdk-headless');
  const sources = readdirSync(project, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.java') || path.endsWith('pom.xml'))
    .map((path) => statSync(join(project, path)).mtimeMs);
  const built = (['spring-service', 'spring-eureka'] as const)
    .map(jarOf)
    .every((jar) => existsSync(jar) && statSync(jar).mtimeMs > Math.max(...sources));
  if (built) return;
  const build = (...more: string[]): void => {
    const args = ['-q', '-B', ...more, '-DskipTests', 'package'];
    execFileSync(maven, args, { cwd: project, stdio: 'pipe', timeout: 600_000 });
  };
  try {
    build('-o');
  } catch {
    // The first time: what it needs is not here yet.
    build();
  }
}

export interface SpringProcess {
  readonly url: string;
  /** Ends as Spring does on SIGTERM: it deregisters. */
  stop(): Promise<void>;
}

/** It lives for seconds: to start fast is worth more than to run fast. */
const shortLived = ['-XX:TieredStopAtLevel=1', '-Xmx256m'];

/** Starts one of the programs on a free port of loopback; resolves when it serves. */
export async function startSpring(
  program: Program,
  settings: Readonly<Record<string, string | number | boolean>>,
  javaOptions: readonly string[] = shortLived,
): Promise<SpringProcess> {
  const port = await freePort();
  const all = {
    'server.port': port,
    'server.address': '127.0.0.1',
    'eureka.instance.ip-address': '127.0.0.1',
    'eureka.instance.prefer-ip-address': true,
    'spring.main.banner-mode': 'off',
    ...settings,
  };
  const child = spawn(
    systemProgram('java', 'default-jre-headless'),
    [
      ...javaOptions,
      '-jar',
      jarOf(program),
      ...Object.entries(all).map(([name, value]) => `--${name}=${value}`),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  const exited = new Promise<void>((resolveExit) => child.once('exit', () => resolveExit()));
  // Not even a test that is killed leaves a JVM behind.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await exited;
    clearTimeout(late);
  };
  const started = new Promise<void>((resolveStart, reject) => {
    const read = (chunk: Buffer): void => {
      output = (output + chunk).slice(-20_000);
      if (/Started \w+ in/.test(output)) resolveStart();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void exited.then(() => reject(new Error(`${program} ended:\n${output}`)));
    setTimeout(() => reject(new Error(`${program} did not start:\n${output}`)), 120_000).unref();
  });
  try {
    await started;
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, stop };
}

/** Eureka's intervals, as short as they can be set: the defaults are for production and half a minute each. */
export function quickClient(defaultZone: string): Record<string, string | number | boolean> {
  return {
    'eureka.client.service-url.defaultZone': defaultZone,
    'eureka.client.registry-fetch-interval-seconds': 1,
    'eureka.client.initial-instance-info-replication-interval-seconds': 0,
    'eureka.instance.lease-renewal-interval-in-seconds': 1,
    'spring.cloud.loadbalancer.cache.enabled': false,
  };
}

/** For who must know a port before it is open. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}
