import { type EurekaInstance, instanceHash, instanceJson } from '@inmesh/core/eureka';
import type { IndexEntry, InstanceIndex } from './instance-index.ts';
import { writeXml } from './xml-codec.ts';

/** How a client wants it: `json` only when it says so, as in Eureka. */
export interface AnswerFormat {
  readonly syntax: 'json' | 'xml';
  /** Without what callers do not need. */
  readonly compact: boolean;
}

/** Several applications with their instances, as one answer. */
interface Applications {
  readonly version: string;
  readonly hash: string;
  readonly apps: Iterable<readonly [app: string, entries: Iterable<IndexEntry>]>;
}

/** Everything. */
export function fullAnswer(index: InstanceIndex, format: AnswerFormat): string {
  return write({ version: '1', hash: index.hash, apps: index.apps() }, format);
}

/** What changed within three minutes, with the hash of everything: a client whose own differs fetches all. */
export function deltaAnswer(index: InstanceIndex, format: AnswerFormat): string {
  const apps = new Map<string, IndexEntry[]>();
  for (const entry of index.recent()) {
    const { app } = entry.instance;
    const entries = apps.get(app);
    if (entries === undefined) apps.set(app, [entry]);
    else entries.push(entry);
  }
  return write({ version: String(index.version), hash: index.hash, apps }, format);
}

/** The instances that `matches`, in their apps. None is no error: an empty list. */
export function selectedAnswer(
  index: InstanceIndex,
  format: AnswerFormat,
  matches: (instance: EurekaInstance) => boolean,
): string {
  const counts = new Map<string, number>();
  const apps: [string, IndexEntry[]][] = [];
  for (const [app, entries] of index.apps()) {
    const matching = [...entries].filter(({ instance }) => matches(instance));
    if (matching.length === 0) continue;
    apps.push([app, matching]);
    for (const { instance } of matching) {
      counts.set(instance.status, (counts.get(instance.status) ?? 0) + 1);
    }
  }
  return write({ version: '-1', hash: instanceHash(counts), apps }, format);
}

export function appAnswer(
  app: string,
  entries: Iterable<IndexEntry>,
  { syntax, compact }: AnswerFormat,
): string {
  return syntax === 'json'
    ? `{"application":${appJson(app, entries, compact)}}`
    : appXml(app, entries, compact);
}

export function instanceAnswer(entry: IndexEntry, { syntax, compact }: AnswerFormat): string {
  return syntax === 'json' ? `{"instance":${entryJson(entry, compact)}}` : entryXml(entry, compact);
}

function write({ version, hash, apps }: Applications, { syntax, compact }: AnswerFormat): string {
  const written: string[] = [];
  for (const [app, entries] of apps) {
    written.push((syntax === 'json' ? appJson : appXml)(app, entries, compact));
  }
  return syntax === 'json'
    ? `{"applications":{"versions__delta":"${version}","apps__hashcode":"${hash}","application":[${written.join()}]}}`
    : `<applications><versions__delta>${version}</versions__delta><apps__hashcode>${hash}</apps__hashcode>${written.join('')}</applications>`;
}

function appJson(app: string, entries: Iterable<IndexEntry>, compact: boolean): string {
  const instances = Array.from(entries, (entry) => entryJson(entry, compact));
  return `{"name":${JSON.stringify(app)},"instance":[${instances.join()}]}`;
}

function appXml(app: string, entries: Iterable<IndexEntry>, compact: boolean): string {
  const instances = Array.from(entries, (entry) => entryXml(entry, compact));
  return `<application>${writeXml('name', app)}${instances.join('')}</application>`;
}

/** Encoded once per change: of ten thousand instances, few change between two answers. */
function entryJson(entry: IndexEntry, compact: boolean): string {
  if (compact) return JSON.stringify(instanceJson(entry.instance, entry.action, true));
  entry.json ??= JSON.stringify(instanceJson(entry.instance, entry.action));
  return entry.json;
}

function entryXml(entry: IndexEntry, compact: boolean): string {
  if (compact) return instanceXml(entry, true);
  entry.xml ??= instanceXml(entry, false);
  return entry.xml;
}

function instanceXml({ instance, action }: IndexEntry, compact: boolean): string {
  return writeXml('instance', instanceJson(instance, action, compact));
}
