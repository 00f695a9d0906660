import { render } from 'preact';
import { App } from './shell/app.tsx';
import { startTheme } from './theme/theme.ts';

startTheme();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
