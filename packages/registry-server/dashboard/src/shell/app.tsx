import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useViewer } from '../api/session.ts';
import { findViewer } from '../api/sign-in.ts';
import { ConfigurationPage } from '../configuration/configuration-page.tsx';
import { GraphPage } from '../graph/graph-page.tsx';
import { SecurityPage } from '../security/security-page.tsx';
import { ServicePage } from '../services/service-page.tsx';
import { ServicesPage } from '../services/services-page.tsx';
import { TrafficPage } from '../traffic/traffic-page.tsx';
import { WhyPage } from '../why/why-page.tsx';
import { Help } from './help.tsx';
import { Navigation } from './navigation.tsx';
import type { Route } from './route.ts';
import { Search } from './search.tsx';
import { SignIn } from './sign-in.tsx';
import { useKeys } from './use-keys.ts';
import { useRoute } from './use-route.ts';

export function App(): JSX.Element {
  const route = useRoute();
  const viewer = useViewer();
  const [open, setOpen] = useState<'search' | 'help' | undefined>();
  const actions = useMemo(
    () => ({ search: () => setOpen('search'), help: () => setOpen('help') }),
    [],
  );
  useKeys(actions);
  useEffect(() => {
    void findViewer();
  }, []);
  const close = (): void => setOpen(undefined);
  const place = [route.page, ...route.path].join('/');
  // A new page starts at its top, and is where the keyboard goes on from.
  useEffect(() => {
    document.getElementById('main')?.scrollTo(0, 0);
  }, [place]);
  if (viewer.kind === 'nobody') return <SignIn />;
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <Navigation page={route.page} onSearch={actions.search} onHelp={actions.help} />
      <main id="main" tabIndex={-1} class={`main main-${route.page}`}>
        {pageOf(route)}
      </main>
      {open === 'search' && <Search onClose={close} />}
      {open === 'help' && <Help onClose={close} />}
    </div>
  );
}

function pageOf(route: Route): JSX.Element {
  const [first, second] = route.path;
  switch (route.page) {
    case 'services':
      return first === undefined || second === undefined ? (
        <ServicesPage />
      ) : (
        <ServicePage key={`${first}/${second}`} namespace={first} name={second} />
      );
    case 'traffic':
      return <TrafficPage />;
    case 'security':
      return <SecurityPage />;
    case 'configuration':
      return <ConfigurationPage />;
    case 'why':
      return <WhyPage />;
    default:
      return <GraphPage query={route.query} />;
  }
}
