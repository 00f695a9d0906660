import type { OptionKind, OptionRow } from './option-row.ts';
import { environmentName, listenOptionTable, meshOptionTable } from './option-table.ts';

/** `docs/reference/options.md`, written from the tables that the code itself goes by. */
export function optionsPage(): string {
  return [
    '# Options',
    '',
    'This page is written by `npm run docs:reference` from the tables that the code reads.',
    '',
    'Where several places speak, the first of these wins: the inbound deadline and what the single call says, a resource (a route or',
    'destination rule), the code, the environment, the default.',
    '',
    '## `createMesh(options)`',
    '',
    ...table(meshOptionTable),
    '',
    'Only in code: `resources`, `roles`, `authorizers`, `identity.enroller`, `interceptors`, `observers`, `adapters`, `fallbacks`, `requestCache`, `shed.priorityOf`, `rateLimit.key`, `logger`, `clock`, `random`; `outlier`, `breaker`, `silence`,',
    '`hedge`, `limit`, `throttle` and `aperture` are off with `null`, `{}` switches the last four on with their defaults, and',
    '`balancer` also takes `{ kind: "ring-hash", hashOn }` and `{ kind: "maglev", hashOn }`.',
    '',
    '## `mesh.listen(app, options)`',
    '',
    ...table(listenOptionTable),
    '',
  ].join('\n');
}

function table(rows: readonly OptionRow[]): string[] {
  return [
    '| option | environment | takes | default | what it is |',
    '|---|---|---|---|---|',
    ...rows.map(
      ({ path, kind, defaultText, text }) =>
        `| \`${path}\` | \`${environmentName(path)}\` | ${takes(kind)} | ${defaultText === '' ? '–' : `\`${defaultText}\``} | ${text} |`,
    ),
  ];
}

function takes(kind: OptionKind): string {
  if (typeof kind === 'string') {
    const words: Record<string, string> = {
      text: 'text',
      label: 'a label',
      list: 'a list, by commas',
      signals: 'a list, by commas',
      map: '`a=b,c=d`',
      json: 'JSON',
      boolean: 'true, false',
      locality: '`region/zone/subzone`',
      balancer: 'a name',
    };
    return words[kind] ?? kind;
  }
  if ('oneOf' in kind) return kind.oneOf.join(', ');
  if ('listOf' in kind) return `${kind.listOf.join(', ')}: a list, by commas`;
  if ('ratio' in kind) return '0..1';
  if ('number' in kind) return `${kind.number[0]}..${kind.number[1]}`;
  if ('integer' in kind) return `${kind.integer[0]}..${kind.integer[1]}`;
  return `${kind.durationMs[0]}..${kind.durationMs[1]} ms`;
}
