import { MeshError } from '@inmesh/core';

/** Where an etcd is, and which part of it is ours. */
export interface EtcdAddress {
  /** `http://10.0.0.1:2379`, one for each member that is named. */
  readonly origins: readonly string[];
  /** Before every key; ends in a slash. */
  readonly root: string;
}

const defaultPort = 2379;
const defaultRoot = 'inmesh/';
const maxMembers = 16;
const shape = /^etcd(s?):\/\/([^/?#]*)(?:\/(?:([\w.-]+(?:\/[\w.-]+)*)\/?)?)?$/;
const memberShape = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i;

/** `etcd://host:2379,host:2379/prefix`, or `etcds://` for TLS. Throws `invalid_argument`. */
export function parseEtcdAddress(text: string): EtcdAddress {
  // Addresses are logged and shown. The text is not repeated: it may hold a password.
  if (text.includes('@')) {
    throw invalid('must not carry credentials: give user and password by the options of etcd');
  }
  const match = shape.exec(text);
  if (match === null) {
    throw invalid(`must be etcd://host:2379,host:2379/prefix or etcds://…, got "${text}"`);
  }
  const [, secure, members = '', root] = match;
  const origins = members.split(',').map((member) => {
    const parts = memberShape.exec(member);
    const port = Number(parts?.[2] ?? defaultPort);
    if (parts === null || port > 65_535) {
      throw invalid(`names members as host:port, comma-separated; "${member}" is none`);
    }
    return `http${secure}://${parts[1]}:${port}`;
  });
  if (origins.length > maxMembers) {
    throw invalid(`names at most ${maxMembers} members, got ${origins.length}`);
  }
  return { origins: [...new Set(origins)], root: root === undefined ? defaultRoot : `${root}/` };
}

function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', `registry: store ${message}`);
}
