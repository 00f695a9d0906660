import type { ResourceKind } from './resources/index.ts';
import { annotationSchemas } from './schema/annotations.ts';
import type { FieldType, ObjectType } from './schema/field-type.ts';
import { kinds } from './schema/kinds.ts';
import { metadata } from './schema/metadata.ts';

/** One field, as the check knows it. */
export interface FieldRow {
  /** The kind in whose part of the table it stands first. */
  readonly kind: ResourceKind | 'every kind';
  /** Istio's message: `HTTPRoute`. */
  readonly message: string;
  readonly field: string;
  readonly type: string;
  /** `refused` is an error, `ignored` and `deprecated` are warnings, `state` is left out. */
  readonly support: 'honoured' | 'ignored' | 'deprecated' | 'state' | 'refused';
  readonly required: boolean;
  readonly default: string | undefined;
  /** What it means; of one that is not honoured, why, or what to use. */
  readonly note: string;
}

/** Every field that the check knows, by kind and message: the documentation is made from it. */
export function fieldTable(): readonly FieldRow[] {
  const rows: FieldRow[] = [];
  const seen = new Set<ObjectType>();
  addMessage('every kind', metadata, seen, rows);
  for (const { kind, spec } of kinds.values()) addMessage(kind, spec, seen, rows);
  return rows;
}

/** Adds a message and, after it, those that it is made of; each message once. */
function addMessage(
  kind: FieldRow['kind'],
  message: ObjectType,
  seen: Set<ObjectType>,
  rows: FieldRow[],
): void {
  if (seen.has(message)) return;
  seen.add(message);
  for (const [name, field] of message.fields) {
    const deprecated = field.deprecated !== undefined;
    rows.push({
      kind,
      message: message.name,
      field: name,
      type: typeText(field.type),
      support: deprecated ? 'deprecated' : field.support,
      required: field.required,
      default: field.default,
      note: deprecated ? `Use ${field.deprecated}.` : field.note,
    });
    for (const [value, why] of refusedValues(field.type)) {
      rows.push({
        kind,
        message: message.name,
        field: `${name}: ${value}`,
        type: 'enum',
        support: 'refused',
        required: false,
        default: undefined,
        note: why,
      });
    }
  }
  for (const [name, why] of message.refused) {
    rows.push({
      kind,
      message: message.name,
      field: name,
      type: '',
      support: 'refused',
      required: false,
      default: undefined,
      note: why,
    });
  }
  for (const field of message.fields.values()) {
    const inner = innermost(field.type);
    if (inner.kind === 'object') addMessage(kind, inner, seen, rows);
  }
}

function refusedValues(type: FieldType): Iterable<readonly [string, string]> {
  return type.kind === 'enum' ? type.refused : [];
}

function innermost(type: FieldType): FieldType {
  return type.kind === 'list' || type.kind === 'map' ? innermost(type.of) : type;
}

function typeText(type: FieldType): string {
  switch (type.kind) {
    case 'text':
      return type.format;
    case 'number':
      return `${type.integer ? 'integer' : 'number'} ${type.min}..${type.max}`;
    case 'enum':
      return type.values.join(', ');
    case 'duration':
      return type.stepMs === 1 ? 'duration' : `duration, × ${type.stepMs} ms`;
    case 'list':
      return `list of ${typeText(type.of)}`;
    case 'map':
      return `map from ${type.keys.format} to ${typeText(type.of)}`;
    case 'object':
      return type.name;
    case 'boolean':
    case 'any':
      return type.kind;
  }
}

const heading = `# Istio's fields, one by one

Generated from the tables that the check itself goes by (\`packages/config/src/schema/\`); a test
holds it to them. Do not edit: run \`npm run docs:reference\`.

**honoured**: means what Istio documents. **ignored**: accepted with a warning. **deprecated**:
honoured, with a warning. **state**: what a cluster tells about a resource; accepted and left out.
**refused**: an error, and nothing of the batch is applied. Fields that are not listed are unknown:
an error as well. Names may also be written in snake_case. ResiliencePolicy is not Istio's but ours: it
says what a DestinationRule cannot.
`;

/** The page \`docs/reference/istio-fields.md\`. */
export function renderFieldTable(): string {
  const parts = [heading, annotationSection()];
  let kind: string | undefined;
  let message: string | undefined;
  for (const row of fieldTable()) {
    if (row.kind !== kind) parts.push(`\n## ${kindHeading(row.kind)}\n`);
    if (row.kind !== kind || row.message !== message) {
      parts.push(
        `\n### ${row.message}\n\n| field | type | | default | meaning |\n|---|---|---|---|---|\n`,
      );
    }
    ({ kind, message } = row);
    const support = row.required ? `${row.support}, required` : row.support;
    const cells = [`\`${row.field}\``, row.type, support, row.default ?? '', row.note];
    parts.push(`| ${cells.map(cell).join(' | ')} |\n`);
  }
  return parts.join('');
}

function kindHeading(kind: FieldRow['kind']): string {
  const schema = kinds.get(kind);
  if (schema === undefined) return 'Every kind: metadata';
  const served = schema.versions.map((version) => `\`${schema.group}/${version}\``).join(', ');
  const notice = schema.notEnforced === undefined ? '' : `\n\nEach ${kind} ${schema.notEnforced}.`;
  return `${kind}\n\n${served}${notice}`;
}

function annotationSection(): string {
  const rows = annotationSchemas.map(({ key, kind, perRoute, ...schema }) => {
    const where = perRoute ? `${kind}, or one route: \`${key}.ROUTE\`` : kind;
    const cells = [`\`${key}\``, where, schema.values, schema.default, schema.note];
    return `| ${cells.map(cell).join(' | ')} |\n`;
  });
  return `
## Annotations: what Istio cannot say

They sit on the resource that they change, so that both are applied together. Other annotations of
\`inmesh.dev/\` are errors; those of anybody else are kept and mean nothing here.

| annotation | on | values | default | meaning |
|---|---|---|---|---|
${rows.join('')}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
