/** The part of a server response that a watcher writes to. */
export interface WatchStream {
  write(chunk: Buffer): boolean;
  end(chunk?: Buffer): void;
  destroy(): void;
  cork(): void;
  uncork(): void;
  /** Bytes that were written and have not left for the kernel yet. */
  readonly writableLength: number;
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}
