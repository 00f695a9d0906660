import type { JSX } from 'preact';
import type { VersionTraffic } from '../graph/mesh-graph.ts';
import { ShareBar } from '../ui/share-bar.tsx';

/** The versions of a service, with their shares when there are several. */
export function VersionsCell(props: { readonly versions: readonly VersionTraffic[] }): JSX.Element {
  const [first, second] = props.versions;
  if (second === undefined) return <span class="faint">{first?.version || '–'}</span>;
  return <ShareBar shares={props.versions.map((one) => ({ ...one, label: one.version }))} />;
}
