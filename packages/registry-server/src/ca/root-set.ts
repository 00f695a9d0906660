import type { SigningAuthority } from '@inmesh/identity';
import type { Tenure } from './tenure.ts';

/** A root and its place in a rotation. */
export interface Root extends SigningAuthority, Tenure {}

export type RootSet = readonly Root[];
