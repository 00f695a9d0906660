import type { JSX } from 'preact';
import { useViewer } from '../api/session.ts';
import { signOut } from '../api/sign-in.ts';
import { Icon } from '../ui/icon.tsx';
import { Logo } from './logo.tsx';
import { MeshState } from './mesh-state.tsx';
import { pages } from './pages.ts';
import { href, type PageName } from './route.ts';
import { ThemeButton } from './theme-button.tsx';

/** The column at the left, or the bar at the bottom of a phone. */
export function Navigation(props: {
  readonly page: PageName;
  readonly onSearch: () => void;
  readonly onHelp: () => void;
}): JSX.Element {
  return (
    <div class="side">
      <div class="brand">
        <a href={href('graph')} class="brand-name">
          <Logo />
          Inmesh
        </a>
        <ThemeButton />
      </div>
      <button type="button" class="search-button" onClick={props.onSearch}>
        <Icon name="search" />
        <span>Search</span>
        <kbd>/</kbd>
      </button>
      <nav aria-label="Pages">
        {pages.map(({ name, title, short = title, icon }) => (
          <a
            key={name}
            href={href(name)}
            class="nav-link"
            aria-current={name === props.page ? 'page' : undefined}
          >
            <Icon name={icon} />
            <span class="nav-title">{title}</span>
            <span class="nav-short" aria-hidden="true">
              {short}
            </span>
          </a>
        ))}
      </nav>
      <div class="side-foot">
        <MeshState />
        <Account />
        <button type="button" class="button button-quiet help-button" onClick={props.onHelp}>
          <Icon name="keyboard" /> Keys
        </button>
      </div>
    </div>
  );
}

/** Who is signed in, and the way out; nothing where nobody signs in. */
function Account(): JSX.Element | null {
  const viewer = useViewer();
  if (viewer.kind !== 'signed-in') return null;
  const { name, role } = viewer.login;
  return (
    <p class="account">
      <span>
        {name} <span class="faint">{role}</span>
      </span>
      <button type="button" class="button button-quiet" onClick={() => void signOut()}>
        Sign out
      </button>
    </p>
  );
}
