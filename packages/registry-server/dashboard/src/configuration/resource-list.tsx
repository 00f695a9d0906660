import type { ConfigResource, ConfigSnapshot } from '@inmesh/core';
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useLive } from '../api/use-live.ts';
import { href } from '../shell/route.ts';
import { navigate } from '../shell/use-route.ts';
import { count, formatDuration } from '../ui/format.ts';
import { groupBy } from '../ui/group-by.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Loading, Page } from '../ui/page.tsx';
import { Panel } from '../ui/panel.tsx';
import { keyOf } from './resource-text.ts';
import { summaryOf } from './summary.ts';
import { kinds } from './template.ts';

/** Every resource by kind. */
export function ResourceList(props: { readonly children: ComponentChildren }): JSX.Element {
  const { data, error } = useLive<ConfigSnapshot>('/v1/resources');
  const [find, setFind] = useState('');
  const wanted = find.trim().toLowerCase();
  const shown = (data?.resources ?? []).filter((one) => keyOf(one).toLowerCase().includes(wanted));
  const byKind = groupBy(shown, ({ kind }) => kind);
  return (
    <Page
      title="Configuration"
      lead={
        data && (
          <>
            {count(data.resources.length, 'resource')}, revision <code>{data.revision}</code>
          </>
        )
      }
      error={error}
      actions={
        <>
          <label class="filter">
            <Icon name="search" />
            <span class="visually-hidden">Find a resource</span>
            <input
              type="search"
              placeholder="Find a resource"
              value={find}
              spellcheck={false}
              onInput={(event) => setFind(event.currentTarget.value)}
            />
          </label>
          <NewResource />
        </>
      }
    >
      {data === undefined && error === undefined && <Loading />}
      {data?.resources.length === 0 && (
        <Empty title="No resource yet">
          Without any, each service's endpoints share its calls evenly. Write the first with “New”,
          or <code>inmesh apply -f routes.yaml</code>.
        </Empty>
      )}
      {[...byKind].map(([kind, resources]) => (
        <Panel key={kind} title={kind} note={resources.length} flush>
          <ul class="resources">
            {resources.map((resource) => (
              <ResourceLine key={keyOf(resource)} resource={resource} />
            ))}
          </ul>
        </Panel>
      ))}
      {props.children}
    </Page>
  );
}

function ResourceLine({ resource }: { readonly resource: ConfigResource }): JSX.Element {
  const { kind, metadata } = resource;
  const { namespace = 'default', name, creationTimestamp } = metadata;
  return (
    <li>
      <a href={href('configuration', [kind, namespace, name])}>
        <span class="resource-name">
          {name} <span class="faint">{namespace}</span>
        </span>
        <span class="resource-summary">{summaryOf(resource)}</span>
        {creationTimestamp !== undefined && (
          <span class="faint" title={creationTimestamp}>
            {formatDuration(Math.max(0, Date.now() - Date.parse(creationTimestamp)))} old
          </span>
        )}
      </a>
    </li>
  );
}

function NewResource(): JSX.Element {
  return (
    <label class="select">
      <span class="visually-hidden">New resource of kind</span>
      <select
        value=""
        onChange={(event) =>
          navigate(href('configuration', ['new'], { kind: event.currentTarget.value }))
        }
      >
        <option value="">New …</option>
        {kinds.map((kind) => (
          <option key={kind}>{kind}</option>
        ))}
      </select>
    </label>
  );
}
