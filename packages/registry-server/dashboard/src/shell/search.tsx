import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { allServices } from '../api/all-services.ts';
import { useLiveQuery } from '../api/use-live.ts';
import { Dialog } from '../ui/dialog.tsx';
import { splitService } from '../ui/format.ts';
import { Icon, type IconName } from '../ui/icon.tsx';
import { pages } from './pages.ts';
import { href, serviceHref } from './route.ts';
import { navigate } from './use-route.ts';

interface Hit {
  readonly title: string;
  readonly detail: string;
  readonly icon: IconName;
  readonly to: string;
}

/** As many as fit without scrolling far: whoever sees more types another letter. */
const maxHits = 12;

/** The box that finds pages and services by any part of their names. */
export function Search({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const { data: services = [] } = useLiveQuery('all-services', allServices, 10_000);
  const everything = useMemo(
    () => [...pages.map(pageHit), ...services.map(({ service }) => serviceHit(service))],
    [services],
  );
  const hits = matching(everything, text);
  const chosen = Math.min(at, hits.length - 1);
  const go = (hit: Hit | undefined): void => {
    if (hit === undefined) return;
    onClose();
    navigate(hit.to);
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setAt((chosen + step + hits.length) % Math.max(1, hits.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      go(hits[chosen]);
    }
  };
  return (
    <Dialog title="Go to" onClose={onClose}>
      <input
        class="field"
        type="text"
        list={undefined}
        // biome-ignore lint/a11y/noRedundantRoles: without a list of the browser's own it is a plain text field
        role="combobox"
        aria-label="Page or service"
        aria-expanded="true"
        aria-controls="search-hits"
        aria-activedescendant={hits.length > 0 ? `search-hit-${chosen}` : undefined}
        placeholder="Page or service"
        autofocus
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <div id="search-hits" class="hits" role="listbox" aria-label="Found">
        {hits.map((hit, index) => (
          <button
            key={hit.to}
            type="button"
            id={`search-hit-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            class="hit"
            onMouseMove={() => setAt(index)}
            onClick={() => go(hit)}
          >
            <Icon name={hit.icon} />
            <span>{hit.title}</span>
            <span class="faint">{hit.detail}</span>
          </button>
        ))}
        {hits.length === 0 && <p class="faint hits-none">Nothing is called like that.</p>}
      </div>
    </Dialog>
  );
}

function matching(all: readonly Hit[], text: string): readonly Hit[] {
  const wanted = text.trim().toLowerCase();
  const found: Hit[] = [];
  for (const hit of all) {
    if (!`${hit.title}.${hit.detail}`.toLowerCase().includes(wanted)) continue;
    found.push(hit);
    if (found.length === maxHits) break;
  }
  return found;
}

function pageHit({ name, title, icon }: (typeof pages)[number]): Hit {
  return { title, detail: 'page', icon, to: href(name) };
}

function serviceHit(service: string): Hit {
  const { name, namespace } = splitService(service);
  return { title: name, detail: namespace, icon: 'services', to: serviceHref(service) };
}
