import type { JSX } from 'preact';
import { useRoute } from '../shell/use-route.ts';
import { AuditPanel } from './audit-panel.tsx';
import { ResourceEditor } from './resource-editor.tsx';
import { ResourceList } from './resource-list.tsx';

/** All resources and the audit, or one resource to edit. */
export function ConfigurationPage(): JSX.Element {
  const { path, query } = useRoute();
  if (path[0] === 'new') return <ResourceEditor path={[]} kind={query.get('kind')} />;
  if (path.length === 3)
    return <ResourceEditor key={path.join('/')} path={path} kind={undefined} />;
  return (
    <ResourceList>
      <AuditPanel />
    </ResourceList>
  );
}
