import { MeshError } from '@inmesh/core';
import { type Fields, isFields } from '@inmesh/core/eureka';
import { XMLParser } from 'fast-xml-parser';

/** An instance has four levels; more than so many is no instance. */
const maxDepth = 16;

/**
 * Gives XML the shape of Eureka's JSON: `<port enabled="true">80</port>` is
 * `{ "$": "80", "@enabled": "true" }`. All values are text.
 */
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '$',
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: maxDepth,
  // The five of XML itself. What a document declares for itself is refused before.
  processEntities: true,
});

/** The instance in an XML body. Throws `invalid_argument`. */
export function parseInstanceXml(text: string): Fields {
  // No document type, so no entity to expand and no file to include; Eureka's clients write neither that nor CDATA.
  if (text.includes('<!')) throw unreadable('declarations, comments and CDATA are not taken');
  let root: unknown;
  try {
    root = parser.parse(text, true);
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error));
  }
  const instance = isFields(root) ? root.instance : undefined;
  if (!isFields(instance)) throw unreadable('the root must be <instance>');
  const { metadata } = instance;
  return isFields(metadata) ? { ...instance, metadata: unescapeKeys(metadata) } : instance;
}

/** Objects in the shape of Eureka's JSON as XML: keys with `@` are attributes, `$` is the text. */
export function writeXml(name: string, value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((item) => writeXml(name, item)).join('');
  if (!isFields(value)) return `<${name}>${escapeText(String(value))}</${name}>`;
  let attributes = '';
  let content = '';
  for (const [key, item] of Object.entries(value)) {
    if (key.startsWith('@')) attributes += ` ${key.slice(1)}="${escapeText(String(item))}"`;
    else if (key === '$') content += escapeText(String(item));
    else if (name === 'metadata') content += writeMetadata(key, item);
    else content += writeXml(key === 'overriddenStatus' ? 'overriddenstatus' : key, item);
  }
  return `<${name}${attributes}>${content}</${name}>`;
}

/** A key is an element's name, which cannot be just anything: what cannot be one has no way into XML. */
function writeMetadata(key: string, value: unknown): string {
  const name = key.replaceAll('_', '__').replaceAll('$', '_-');
  return /^[A-Za-z_][A-Za-z0-9._-]*$/.test(name) ? writeXml(name, value) : '';
}

function unescapeKeys(metadata: Fields): Fields {
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [
      key.replace(/_-|__/g, (escaped) => (escaped === '__' ? '_' : '$')),
      value,
    ]),
  );
}

function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function unreadable(why: string): MeshError {
  return new MeshError('invalid_argument', `cannot parse request body: ${why.slice(0, 200)}`);
}
