import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { systemProgram } from './system-program.ts';

/** One etcd process, which a test may treat badly. */
export interface EtcdMember {
  /** `http://127.0.0.1:…` */
  readonly url: string;
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** Starts it again, with the data that it had. */
  restart(): Promise<void>;
}

/** A real etcd on loopback, with its data in a temporary folder. */
export interface EtcdCluster {
  readonly members: readonly EtcdMember[];
  /** `etcd://127.0.0.1:…,…` */
  readonly address: string;
  /** The member that leads now. */
  leader(): Promise<EtcdMember>;
  /** Resolves once the cluster has a leader and serves. */
  ready(): Promise<void>;
  /** Kills all members and removes their data. Idempotent. */
  close(): Promise<void>;
}

export interface EtcdClusterOptions {
  /** @default 1 */
  readonly members?: number;
  /** Further flags of etcd. @default none */
  readonly flags?: readonly string[];
  /** Where the members keep their data. @default the system's folder for temporary files */
  readonly folder?: string;
}

/** Quick elections: a test waits for them. */
const timing = ['--heartbeat-interval=50', '--election-timeout=500'];
const startTimeoutMs = 30_000;

/** Starts etcd, which must be installed, and waits until it serves. */
export async function startEtcd(options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
  const { members: count = 1, flags = [], folder = tmpdir() } = options;
  const program = systemProgram('etcd', 'etcd-server');
  const data = await mkdtemp(join(folder, 'inmesh-etcd-'));
  const ports = await freePorts(2 * count);
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const peers = Array.from({ length: count }, (_, i) => `m${i}=${urls[count + i]}`).join(',');
  const start = (i: number): ChildProcess =>
    spawn(
      program,
      [
        `--name=m${i}`,
        `--data-dir=${join(data, `m${i}`)}`,
        `--listen-client-urls=${urls[i]}`,
        `--advertise-client-urls=${urls[i]}`,
        `--listen-peer-urls=${urls[count + i]}`,
        `--initial-advertise-peer-urls=${urls[count + i]}`,
        `--initial-cluster=${peers}`,
        '--initial-cluster-state=new',
        ...timing,
        ...flags,
      ],
      { stdio: 'ignore', env: { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch } },
    );
  const processes = Array.from({ length: count }, (_, i) => start(i));
  const kill = async (i: number): Promise<void> => {
    const process = processes[i] as ChildProcess;
    if (process.exitCode !== null || process.signalCode !== null) return;
    process.kill('SIGKILL');
    await once(process, 'exit');
  };
  const members = processes.map(
    (_, i): EtcdMember => ({
      url: urls[i] as string,
      kill: () => kill(i),
      pause: () => void processes[i]?.kill('SIGSTOP'),
      resume: () => void processes[i]?.kill('SIGCONT'),
      async restart() {
        await kill(i);
        processes[i] = start(i);
      },
    }),
  );
  const cluster: EtcdCluster = {
    members,
    address: `etcd://${urls
      .slice(0, count)
      .map((url) => url.slice('http://'.length))
      .join(',')}`,
    async leader() {
      let leader: EtcdMember | undefined;
      await eventually(async () => {
        for (const member of members) if (await leads(member.url)) leader = member;
        return leader !== undefined;
      }, startTimeoutMs);
      return leader as unknown as EtcdMember;
    },
    async ready() {
      // Linearizable reads: they need a majority. One that is refused for want of a password was served, too.
      const serves = ({ url }: EtcdMember): Promise<boolean> =>
        post(`${url}/v3/kv/range`, { key: 'AA==' }).then(
          ({ status }) => status < 500,
          () => false,
        );
      await eventually(async () => {
        const serving = await Promise.all(members.map(serves));
        return serving.every(Boolean);
      }, startTimeoutMs);
    },
    async close() {
      await Promise.all(members.map(({ kill }) => kill()));
      await rm(data, { recursive: true, force: true });
    },
  };
  try {
    await cluster.ready();
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}

async function leads(url: string): Promise<boolean> {
  try {
    const answer = await post(`${url}/v3/maintenance/status`, {});
    const { header, leader } = (await answer.json()) as {
      header?: { member_id: string };
      leader?: string;
    };
    return leader !== undefined && leader === header?.member_id;
  } catch {
    return false;
  }
}

function post(url: string, body: unknown): Promise<Response> {
  const init = { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(2_000) };
  return fetch(url, init);
}

/** Ports that nobody uses now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    servers.map((server) => {
      server.close();
      return once(server, 'close');
    }),
  );
  return ports;
}
