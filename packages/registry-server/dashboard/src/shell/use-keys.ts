import { useEffect } from 'preact/hooks';
import { pages } from './pages.ts';
import { href } from './route.ts';
import { navigate } from './use-route.ts';

/** How long after `g` a page's letter may follow. */
const chordMs = 1_500;

/** Keys that work everywhere but in fields: `/` or Ctrl+K searches, `g` and a letter goes to a page, `?` helps. */
export function useKeys(actions: { readonly search: () => void; readonly help: () => void }): void {
  useEffect(() => {
    let goSince = Number.NEGATIVE_INFINITY;
    const onKey = (event: KeyboardEvent): void => {
      const isSearch = event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey);
      if (isSearch || (event.key === '/' && !isTyping(event))) {
        event.preventDefault();
        actions.search();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      if (event.timeStamp - goSince < chordMs) {
        goSince = Number.NEGATIVE_INFINITY;
        const page = pages.find(({ key }) => key === event.key);
        if (page !== undefined) {
          event.preventDefault();
          navigate(href(page.name));
        }
      } else if (event.key === 'g') {
        goSince = event.timeStamp;
      } else if (event.key === '?') {
        actions.help();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [actions]);
}

/** Whether the key belongs to a field, or to an open dialog. */
function isTyping({ target }: KeyboardEvent): boolean {
  if (document.querySelector('dialog[open]') !== null) return true;
  return (
    target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
  );
}
