import type { MeshError } from '@inmesh/core';

/** Why an attachment ended, which decides where and how the next one begins. */
export type AttachmentEnd =
  /** The stream broke: the same session goes on, here if the server still answers. */
  | { readonly kind: 'cut'; readonly error: MeshError }
  /** Something was missed: the same, and everything is asked for anew. */
  | { readonly kind: 'gap'; readonly error: MeshError }
  /** The server does not know the session: a new one. */
  | { readonly kind: 'forgotten'; readonly error: MeshError }
  /** The server stops, or cannot be reached: another server. */
  | { readonly kind: 'gone'; readonly error: MeshError };
