import type { LoggedIn, LogIn } from '@inmesh/core';
import { RequestError, request } from './request.ts';
import { setViewer } from './session.ts';

/** Asks the registry whose session this is. A registry that asks nobody has no such thing. */
export async function findViewer(): Promise<void> {
  try {
    setViewer({ kind: 'signed-in', login: await request<LoggedIn>('/v1/login') });
  } catch (error) {
    if (error instanceof RequestError && error.status === 404) setViewer({ kind: 'everybody' });
  }
}

/** Opens a session with a reader's or an operator's token. Throws RequestError. */
export async function signIn(token: string): Promise<void> {
  const body: LogIn = { token };
  setViewer({
    kind: 'signed-in',
    login: await request<LoggedIn>('/login', { method: 'POST', body }),
  });
}

/** Ends the session, here and at the registry. */
export async function signOut(): Promise<void> {
  await request('/logout', { method: 'POST' });
  setViewer({ kind: 'nobody' });
}
