import { kindNames } from '@inmesh/config';
import { MeshError } from '@inmesh/core';

/** The kind that a person means: `VirtualService`, `virtualservice`, `virtualservices`, `vs`. Throws `invalid_argument`. */
export function kindOf(word: string): string {
  const asked = word.toLowerCase();
  for (const kind of kindNames) {
    const name = kind.toLowerCase();
    const short = [...kind]
      .filter((letter) => letter >= 'A' && letter <= 'Z')
      .join('')
      .toLowerCase();
    const plural = name.endsWith('y') ? `${name.slice(0, -1)}ies` : `${name}s`;
    if ([name, plural, short].includes(asked)) return kind;
  }
  throw new MeshError(
    'invalid_argument',
    `${JSON.stringify(word)} is no kind of resource: there are ${kindNames.join(', ')}`,
  );
}
