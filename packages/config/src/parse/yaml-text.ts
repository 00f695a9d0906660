import {
  Composer,
  type CST,
  type Document,
  Lexer,
  type LineCounter,
  type ParsedNode,
  Parser,
} from 'yaml';

/** Nesting of Istio's deepest resource is 14; beyond this it is an attack or a mistake. */
export const maxDepth = 64;

/** Thrown where nesting passes `maxDepth`; the documents before it are of no use either. */
export class TooDeep extends Error {
  readonly offset: number;
  constructor(offset: number) {
    super(`nested more than ${maxDepth} levels deep`);
    this.offset = offset;
  }
}

/**
 * The documents of a text. Throws `TooDeep`, and nothing else: other mistakes are in the documents.
 *
 * Nesting is bounded while the text is read, because the library builds documents by recursion, and
 * V8 ends the whole process when it has to compile a regular expression with little stack left.
 */
export function yamlDocuments(text: string, lines: LineCounter): Document.Parsed<ParsedNode>[] {
  const composer = new Composer({
    // Checked by `yamlValues` with a map; the library compares every pair of keys.
    uniqueKeys: false,
    logLevel: 'silent',
    prettyErrors: false,
  });
  return [...composer.compose(boundedTokens(text, lines), false, text.length)];
}

function* boundedTokens(text: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    // The parser keeps what is open on a stack: the document, and one entry a level.
    if (parser.stack.length > maxDepth + 1) throw new TooDeep(parser.offset);
  }
  yield* parser.end();
}
