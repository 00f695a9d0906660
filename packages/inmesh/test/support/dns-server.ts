import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

const typeA = 1;
const typeSrv = 33;
const ttlSeconds = 1;

/** What a name has: an IPv4 address, or a host and a port. */
export type DnsRecord = string | { readonly host: string; readonly port: number };

/** A name server on loopback that knows `zone`, and says of every other name that there is none such. */
export async function startDnsServer(
  zone: Readonly<Record<string, DnsRecord>>,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { address, port }) => {
    const { name, end } = readName(query, 12);
    const record = zone[name];
    const type = query.readUInt16BE(end);
    const data = type === (typeof record === 'string' ? typeA : typeSrv) && encodeData(record);
    const head = Buffer.from(query.subarray(0, 12));
    // An answer without an error, or one that there is no such name.
    head.writeUInt16BE(record === undefined ? 0x8183 : 0x8180, 2);
    head.writeUInt16BE(data ? 1 : 0, 6);
    head.fill(0, 8);
    const question = query.subarray(12, end + 4);
    socket.send(
      Buffer.concat([head, question, data ? encodeAnswer(type, data) : empty]),
      port,
      address,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: (socket.address() as AddressInfo).port,
    async close() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

const empty = Buffer.alloc(0);

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function encodeData(record: DnsRecord | undefined): Buffer | undefined {
  if (record === undefined) return undefined;
  if (typeof record === 'string') return Buffer.from(record.split('.').map(Number));
  const head = Buffer.alloc(6);
  head.writeUInt16BE(1, 2); // weight, after priority 0
  head.writeUInt16BE(record.port, 4);
  const labels = record.host.split('.').map((label) => Buffer.from(`\0${label}`));
  for (const label of labels) label[0] = label.length - 1;
  return Buffer.concat([head, ...labels, Buffer.alloc(1)]);
}

function encodeAnswer(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0); // the name that was asked for
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4); // class IN
  head.writeUInt32BE(ttlSeconds, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
