export interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'sign' | 'end';
  /** A text's value without its quotes. */
  readonly text: string;
  /** Where it stands, from 1, for people. */
  readonly at: number;
}

/** What is wrong with an expression, and where. */
export class CelSyntaxError extends Error {
  constructor(reason: string, at: number) {
    super(`${reason} (at character ${at})`);
  }
}

const token =
  /\s*(?:(?<name>[A-Za-z_]\w*)|(?<number>\d+(?:\.\d+)?)|(?<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?<sign>==|!=|<=|>=|&&|\|\||[<>!?:()[\].,+-]))/y;

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Throws `CelSyntaxError`. The last token is always `end`. */
export function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  const length = expression.trimEnd().length;
  token.lastIndex = 0;
  while (token.lastIndex < length) {
    const from = token.lastIndex;
    const match = token.exec(expression);
    if (match === null) {
      const at = from + expression.slice(from).search(/\S/);
      throw new CelSyntaxError(`does not understand ${JSON.stringify(expression[at])}`, at + 1);
    }
    const { groups = {} } = match;
    const [kind, written] = Object.entries(groups).find(([, found]) => found !== undefined) as [
      Token['kind'],
      string,
    ];
    const at = token.lastIndex - written.length + 1;
    tokens.push({ kind, text: kind === 'text' ? unquote(written, at) : written, at });
  }
  tokens.push({ kind: 'end', text: 'the end', at: length + 1 });
  return tokens;
}

function unquote(written: string, at: number): string {
  return written.slice(1, -1).replace(/\\(.)/g, (_, character: string) => {
    if (/["'\\]/.test(character)) return character;
    const escaped = escapes[character];
    if (escaped === undefined) throw new CelSyntaxError(`has the escape \\${character}`, at);
    return escaped;
  });
}
