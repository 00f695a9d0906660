import { join } from 'node:path';
import type { Logger } from '@inmesh/core';
import { writePrivate } from '../secrets/private-file.ts';
import type { TokenBook } from '../tokens/token-book.ts';

/**
 * Where no operator has a token any more, and so nobody could make one, writes one to the data
 * directory: who can read that could take the authority's key, too. Without a directory the program
 * that runs the registry makes it (`createToken`).
 */
export async function createBootstrapToken(
  tokens: TokenBook,
  dataDir: string | undefined,
  logger: Logger,
): Promise<void> {
  if (dataDir === undefined || tokens.list().some(({ kind }) => kind === 'operator')) return;
  const path = join(dataDir, 'operator-token');
  const { token, id } = await tokens.create({ kind: 'operator', name: 'bootstrap' });
  await writePrivate(path, `${token}\n`);
  logger.warn({ path, id }, 'made a token for the first operator; it is good for 90 days');
}
