import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as requestPlain } from 'node:http';
import { type RequestOptions, request as requestTls } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { systemProgram } from './system-program.ts';

/** One etcd process, which a test may treat badly. */
export interface EtcdMember {
  /** `http://127.0.0.1:…`, or `https://` */
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
  /** `etcd://127.0.0.1:…,…`, or `etcds://` */
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
  /** Clients are served over TLS only, and must show a certificate of `ca`. @default plain */
  readonly tls?: EtcdTls;
}

/** PEM. The certificate is for 127.0.0.1, and may be used by servers and clients: etcd's gateway is a client of its own. */
export interface EtcdTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Quick elections: a test waits for them. */
const timing = ['--heartbeat-interval=50', '--election-timeout=500'];
const startTimeoutMs = 30_000;

/** Starts etcd, which must be installed, and waits until it serves. */
export async function startEtcd(options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
  const { members: count = 1, flags = [], folder = tmpdir(), tls } = options;
  const program = systemProgram('etcd', 'etcd-server');
  const data = await mkdtemp(join(folder, 'inmesh-etcd-'));
  const ports = await freePorts(2 * count);
  const scheme = tls === undefined ? 'http' : 'https';
  const urls = ports.map((port, i) => `${i < count ? scheme : 'http'}://127.0.0.1:${port}`);
  const secured = tls === undefined ? [] : await tlsFlags(tls, data);
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
        ...secured,
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
    address: `etcd${tls === undefined ? '' : 's'}://${ports
      .slice(0, count)
      .map((port) => `127.0.0.1:${port}`)
      .join(',')}`,
    async leader() {
      let leader: EtcdMember | undefined;
      await eventually(async () => {
        for (const member of members) if (await leads(member.url, tls)) leader = member;
        return leader !== undefined;
      }, startTimeoutMs);
      return leader as unknown as EtcdMember;
    },
    async ready() {
      // Linearizable reads: they need a majority. One that is refused for want of a password was served, too.
      const serves = ({ url }: EtcdMember): Promise<boolean> =>
        postToEtcd(`${url}/v3/kv/range`, { key: 'AA==' }, tls).then(
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

async function leads(url: string, tls: EtcdTls | undefined): Promise<boolean> {
  try {
    const { json } = await postToEtcd(`${url}/v3/maintenance/status`, {}, tls);
    const { header, leader } = json as { header?: { member_id: string }; leader?: string };
    return leader !== undefined && leader === header?.member_id;
  } catch {
    return false;
  }
}

/** Asks one member by itself, through its JSON gateway. */
export function postToEtcd(
  url: string,
  body: unknown,
  tls?: EtcdTls,
): Promise<{ readonly status: number; readonly json: unknown }> {
  const options: RequestOptions = {
    method: 'POST',
    agent: false,
    signal: AbortSignal.timeout(2_000),
    ...tls,
  };
  const send = tls === undefined ? requestPlain : requestTls;
  return new Promise((resolve, reject) => {
    const outgoing = send(url, options, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, json: JSON.parse(text) }));
    });
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify(body));
  });
}

async function tlsFlags(tls: EtcdTls, folder: string): Promise<string[]> {
  const path = (name: keyof EtcdTls): string => join(folder, `${name}.pem`);
  for (const name of ['ca', 'cert', 'key'] as const) {
    await writeFile(path(name), tls[name], { mode: 0o600 });
  }
  return [
    '--client-cert-auth',
    `--trusted-ca-file=${path('ca')}`,
    `--cert-file=${path('cert')}`,
    `--key-file=${path('key')}`,
  ];
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
