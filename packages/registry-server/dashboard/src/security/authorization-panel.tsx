import type { AuthorizationTable } from '@inmesh/core';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useLive } from '../api/use-live.ts';
import { count } from '../ui/format.ts';
import { Empty, ErrorNote } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { AuthorizationMatrix } from './authorization-matrix.tsx';
import { calleesOf } from './authorization-names.ts';

/** A matrix of more would not be read; then one callee is asked for. */
const maxCallees = 30;

/** Who may call whom with a request that can be chosen, by the policies in force. */
export function AuthorizationPanel(): JSX.Element | null {
  const [method, setMethod] = useState('GET');
  const [path, setPath] = useState('/');
  const [find, setFind] = useState('');
  const query = new URLSearchParams({ method, path: path.startsWith('/') ? path : `/${path}` });
  const { data, error } = useLive<AuthorizationTable>(`/v1/authorization?${query}`, 10_000);
  if (error?.status === 404) return null;
  const wanted = find.trim().toLowerCase();
  const rows = (data?.rows ?? []).filter(({ service }) => service.includes(wanted));
  const callees = calleesOf(rows);
  return (
    <Panel
      title="Who may call whom"
      note="by the AuthorizationPolicies in force"
      actions={
        <div class="question">
          <label>
            <span class="visually-hidden">Method</span>
            <select value={method} onChange={(event) => setMethod(event.currentTarget.value)}>
              {['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          <label>
            <span class="visually-hidden">Path</span>
            <input
              type="text"
              value={path}
              placeholder="/path"
              spellcheck={false}
              onChange={(event) => setPath(event.currentTarget.value || '/')}
            />
          </label>
          <label>
            <span class="visually-hidden">Find a callee</span>
            <input
              type="search"
              value={find}
              placeholder="Find a callee"
              spellcheck={false}
              onInput={(event) => setFind(event.currentTarget.value)}
            />
          </label>
        </div>
      }
    >
      <ErrorNote error={error} />
      {data !== undefined && callees.length === 0 && <Empty title="No service is registered" />}
      {callees.length > 0 && (
        <AuthorizationMatrix rows={rows} callees={callees.slice(0, maxCallees)} />
      )}
      {(callees.length > maxCallees || data?.truncated) && (
        <p class="faint">
          {count(Math.max(0, callees.length - maxCallees), 'callee')} more: find one by its name.
        </p>
      )}
    </Panel>
  );
}
