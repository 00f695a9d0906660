import type { Figure } from '../scenarios/scenario.ts';

export async function playReal(_say: (line: string) => void): Promise<readonly Figure[]> {
  return [];
}
