import { MeshError } from '@inmesh/core';
import type { RegistryState } from '../state/registry-state.ts';
import type { Session } from '../state/session.ts';
import { type Principal, principalName } from './principal.ts';

/** Whether a session is the asker's: its token alone does not prove that. */
export function isOwner(session: Session, principal: Principal): boolean {
  if (principal.kind === 'operator') return true;
  return (
    principal.kind === 'service' &&
    session.owner.kind === 'service' &&
    session.owner.identity.spiffeId === principal.identity.spiffeId
  );
}

/** The session of that token. Throws `session_unknown`, and `forbidden` when it is somebody else's. */
export function ownSession(state: RegistryState, token: string, principal: Principal): Session {
  const session = state.sessions.get(token);
  if (isOwner(session, principal)) return session;
  throw new MeshError(
    'forbidden',
    `registry: this session is not of ${principalName(principal)}; open one of your own`,
  );
}
