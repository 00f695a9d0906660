import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, systemProgram } from '@inmesh/testing';

/** A series of an answer: its labels, and its value now. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A real Prometheus. */
export interface Prometheus {
  query(expression: string): Promise<readonly Sample[]>;
  close(): Promise<void>;
}

/** Starts one that scrapes `urls` (`http://127.0.0.1:9464`) twice a second, and waits until it has scraped all. */
export async function startPrometheus(urls: readonly string[]): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'inmesh-prometheus-'));
  const file = join(folder, 'prometheus.yml');
  const targets = urls.map((url) => new URL(url).host);
  const job = { job_name: 'inmesh', static_configs: [{ targets }] };
  // JSON is YAML.
  writeFileSync(
    file,
    JSON.stringify({ global: { scrape_interval: '500ms' }, scrape_configs: [job] }),
  );
  const port = await freePort();
  const child = spawn(
    systemProgram('prometheus', 'prometheus'),
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const query = async (expression: string): Promise<readonly Sample[]> => {
    const url = `http://127.0.0.1:${port}/api/v1/query?${new URLSearchParams({ query: expression })}`;
    const answer = (await (await fetch(url)).json()) as {
      status: string;
      error?: string;
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result.map(({ metric, value: [, value] }) => ({
      labels: metric,
      value: Number(value),
    }));
  };
  const close = async (): Promise<void> => {
    await stopped(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await eventually(async () => {
      const up = await query('up == 1').catch(() => []);
      return up.length === urls.length;
    }, 60_000);
  } catch (error) {
    await close();
    throw error;
  }
  return { query, close };
}

/** What `promtool check metrics` finds wrong with an exposition, line by line. */
export function checkMetrics(exposition: string): Promise<string[]> {
  const promtool = systemProgram('promtool', 'prometheus');
  return new Promise((resolve) => {
    const child = execFile(promtool, ['check', 'metrics'], (_, out, errors) => {
      resolve(`${out}\n${errors}`.split('\n').filter((line) => line !== ''));
    });
    child.stdin?.end(exposition);
  });
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

/** Prometheus cannot be asked for the port that it picked. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
