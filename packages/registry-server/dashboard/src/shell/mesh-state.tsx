import type { ServerStatus } from '@inmesh/core';
import type { JSX } from 'preact';
import { useLive } from '../api/use-live.ts';
import { Badge } from '../ui/badge.tsx';
import { count, formatDuration } from '../ui/format.ts';

/** How the registry is, in a line at the foot of the navigation. */
export function MeshState(): JSX.Element | null {
  const { data, error } = useLive<ServerStatus>('/v1/status');
  if (error !== undefined && error.status !== 401) {
    return (
      <p class="mesh-state" role="status">
        <Badge tone="bad">no answer</Badge>
        <span>The registry does not answer; what you see is what it said last.</span>
      </p>
    );
  }
  if (data === undefined) return null;
  const { selfPreservation, settlingForMs, sessions, uptimeMs, version } = data;
  return (
    <div class="mesh-state" role="status">
      {selfPreservation.active && (
        <Badge
          tone="warn"
          title={`${selfPreservation.silentSessions} sessions fell silent at once`}
        >
          self-preservation
        </Badge>
      )}
      {settlingForMs > 0 ? <Badge tone="warn">settling</Badge> : <Badge tone="ok">live</Badge>}
      <span>{count(sessions, 'session')}</span>
      <span class="faint">
        {version} · up {formatDuration(uptimeMs)}
      </span>
    </div>
  );
}
