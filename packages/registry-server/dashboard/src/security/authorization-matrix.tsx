import type { AuthorizationRow } from '@inmesh/core';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { href } from '../shell/route.ts';
import { Badge } from '../ui/badge.tsx';
import { groupBy } from '../ui/group-by.ts';
import { Icon } from '../ui/icon.tsx';
import { type Callee, calleeKey, callerName } from './authorization-names.ts';

/** Callers down, callees across; each cell says what was decided, and by which rule when it is chosen. */
export function AuthorizationMatrix(props: {
  readonly rows: readonly AuthorizationRow[];
  readonly callees: readonly Callee[];
}): JSX.Element {
  const { rows, callees } = props;
  const [chosen, setChosen] = useState<string | undefined>();
  const byCaller = groupBy(rows, ({ caller }) => caller);
  const row = rows.find((one) => cellKey(one) === chosen);
  return (
    <>
      <ul class="matrix-legend">
        <li>
          <Sign by="allow" allowed /> allowed by a rule
        </li>
        <li>
          <Sign by="no-policy" allowed /> open: no policy restricts the callee
        </li>
        <li>
          <Sign by="deny" allowed={false} /> refused
        </li>
      </ul>
      <div class="table-scroll">
        <table class="matrix">
          <caption class="visually-hidden">Who may call whom</caption>
          <thead>
            <tr>
              <th scope="col">Caller</th>
              {callees.map(({ key, name, namespace, version }) => (
                <th key={key} scope="col" title={`${name} in ${namespace}`}>
                  <span>
                    {name} {version && <small>{version}</small>}
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[...byCaller].map(([caller, cells]) => {
              const byCallee = new Map(cells.map((cell) => [calleeKey(cell), cell]));
              const { name, namespace } = callerName(caller);
              return (
                <tr key={caller}>
                  <th scope="row" title={caller}>
                    {name} <span class="faint">{namespace}</span>
                  </th>
                  {callees.map((callee) => {
                    const cell = byCallee.get(callee.key);
                    return (
                      <td key={callee.key}>
                        {cell !== undefined && (
                          <button
                            type="button"
                            aria-label={`${name} to ${callee.name} ${callee.version}: ${verdict(cell)}`}
                            aria-pressed={cellKey(cell) === chosen}
                            onClick={() => setChosen(cellKey(cell))}
                          >
                            <Sign by={cell.by} allowed={cell.allowed} />
                          </button>
                        )}
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <div class="matrix-reason" aria-live="polite">
        {row === undefined ? <p class="faint">Choose a cell to see why.</p> : <Reason row={row} />}
      </div>
    </>
  );
}

function Sign(props: {
  readonly by: AuthorizationRow['by'];
  readonly allowed: boolean;
}): JSX.Element {
  if (!props.allowed) {
    return (
      <span class="sign tone-bad-text">
        <Icon name="close" />
      </span>
    );
  }
  return props.by === 'allow' ? (
    <span class="sign tone-ok-text">
      <Icon name="check" />
    </span>
  ) : (
    <span class="sign sign-open" aria-hidden="true" />
  );
}

function Reason({ row }: { readonly row: AuthorizationRow }): JSX.Element {
  const { caller, service, version, allowed, rule, asksProvider } = row;
  const [policy = ''] = rule.split('#');
  return (
    <p>
      <Badge tone={allowed ? 'ok' : 'bad'}>{allowed ? 'may call' : 'is refused'}</Badge>{' '}
      <code>{caller || 'a caller without proof'}</code> → {service} {version}: {verdict(row)}
      {policy !== '' && (
        <>
          {' '}
          <a href={href('configuration', policy.split('/'))}>
            <code>{rule}</code>
          </a>
        </>
      )}
      {asksProvider && '; a provider of a CUSTOM policy may refuse all the same'}
    </p>
  );
}

const verdicts: Readonly<Record<AuthorizationRow['by'], string>> = {
  allow: 'an ALLOW rule matches',
  deny: 'a DENY rule matches',
  'no-policy': 'no policy restricts it',
  'no-rule': 'it has ALLOW policies, and no rule of them matches',
};

function verdict({ by }: AuthorizationRow): string {
  return verdicts[by];
}

function cellKey(row: AuthorizationRow): string {
  return `${row.caller} ${calleeKey(row)}`;
}
