import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { RequestError } from '../api/request.ts';
import { signIn } from '../api/sign-in.ts';
import { ErrorNote } from '../ui/page.tsx';
import { Logo } from './logo.tsx';
import { ThemeButton } from './theme-button.tsx';

/** Asks for a token. It goes to the registry once, and is kept nowhere here. */
export function SignIn(): JSX.Element {
  const [error, setError] = useState<RequestError | undefined>();
  const [busy, setBusy] = useState(false);
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const token = String(new FormData(form).get('token') ?? '').trim();
    setBusy(true);
    try {
      await signIn(token);
    } catch (thrown) {
      setError(thrown instanceof RequestError ? thrown : undefined);
      form.querySelector('input')?.focus();
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <form
        class="panel sign-in-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <header class="sign-in-head">
          <Logo />
          <h1>Inmesh</h1>
          <ThemeButton />
        </header>
        <label class="form-row">
          <span>A reader's or an operator's token</span>
          <input
            class="field"
            name="token"
            type="password"
            required
            autoComplete="current-password"
          />
        </label>
        <ErrorNote error={error} />
        <button type="submit" class="button button-main" disabled={busy}>
          Sign in
        </button>
        <p class="faint">
          Operators make tokens with <code>inmesh token create</code>.
        </p>
      </form>
    </main>
  );
}
