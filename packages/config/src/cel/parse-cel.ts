// Over 250 lines: one grammar, whose rules call each other from the first to the last.
import { type CelAttribute, celAttributes } from './attributes.ts';
import { constantText, needs, needsOneOf, unexpected, unknownAttribute } from './checks.ts';
import { callFunction, callMethod } from './functions.ts';
import {
  apply,
  attributeNode,
  type CelNode,
  type CelSource,
  type CelValue,
  conditional,
  headerNode,
  literal,
  logical,
} from './nodes.ts';
import { CelSyntaxError, type Token, tokenize } from './tokens.ts';

export type { CelSource, CelValue } from './nodes.ts';

/** An expression that is known to make sense. */
export interface CelExpression {
  readonly type: CelNode['type'];
  /** Attributes that are a request's own, in order of appearance. */
  readonly requestAttributes: readonly string[];
  /** Those of them that are another one with each request. */
  readonly unboundedAttributes: readonly string[];
  /** `undefined` where something that it needs is not there. Never throws. */
  evaluate(source: CelSource): CelValue;
}

/** Nobody writes fifty brackets within brackets, and the parser calls itself for each. */
const maxDepth = 50;
const comparisons: ReadonlyMap<string, (a: never, b: never) => boolean> = new Map([
  ['==', (a, b) => a === b],
  ['!=', (a, b) => a !== b],
  ['<', (a, b) => a < b],
  ['<=', (a, b) => a <= b],
  ['>', (a, b) => a > b],
  ['>=', (a, b) => a >= b],
]);

/**
 * Understands the common part of CEL: comparisons, `in`, `&&`, `||`, `!`, `?:`, `+` of texts,
 * `startsWith`, `endsWith`, `contains`, `matches`, `string()`, `duration()`, over the attributes of
 * `celAttributes`. Anything else is refused with the reason. Never throws.
 */
export function parseCel(
  text: string,
): { readonly expression: CelExpression } | { readonly reason: string } {
  try {
    const parser = new Parser(tokenize(text));
    const node = parser.whole();
    return {
      expression: {
        type: node.type,
        requestAttributes: parser.requestAttributes,
        unboundedAttributes: parser.requestAttributes.filter(
          (name) => celAttributes.get(name)?.scope === 'request',
        ),
        evaluate: (source) => node.evaluate(source),
      },
    };
  } catch (error) {
    if (error instanceof CelSyntaxError) return { reason: error.message };
    throw error;
  }
}

/** The grammar from top to bottom: `?:`, `||`, `&&`, comparisons, `+`, `!`, and what stands by itself. */
class Parser {
  readonly requestAttributes: string[] = [];
  readonly #tokens: readonly Token[];
  #position = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): CelNode {
    const node = this.#conditional();
    const rest = this.#peek();
    if (rest.kind !== 'end') throw unexpected(rest);
    return node;
  }

  #conditional(): CelNode {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new CelSyntaxError('is nested too deeply', this.#peek().at);
    const condition = this.#or();
    let node = condition;
    if (this.#accepts('?')) {
      needs('boolean', condition, this.#peek());
      const yes = this.#conditional();
      this.#expect(':');
      const no = this.#conditional();
      needs(yes.type, no, this.#peek());
      node = conditional(condition, yes, no);
    }
    this.#depth -= 1;
    return node;
  }

  #or(): CelNode {
    return this.#chain('||', () => this.#and(), true);
  }

  #and(): CelNode {
    return this.#chain('&&', () => this.#comparison(), false);
  }

  #chain(sign: string, next: () => CelNode, decides: boolean): CelNode {
    let left = next();
    for (let at = this.#peek(); this.#accepts(sign); at = this.#peek()) {
      const right = next();
      needs('boolean', left, at);
      needs('boolean', right, at);
      left = logical(left, right, decides);
    }
    return left;
  }

  #comparison(): CelNode {
    const left = this.#sum();
    const sign = this.#peek();
    if (sign.kind === 'name' && sign.text === 'in') return this.#membership(left);
    const compare = sign.kind === 'sign' ? comparisons.get(sign.text) : undefined;
    if (compare === undefined) return left;
    this.#position += 1;
    const right = this.#sum();
    if (left.type === 'headers' || left.type === 'list') {
      throw new CelSyntaxError(`cannot compare ${left.type}`, sign.at);
    }
    needs(left.type, right, sign);
    if (left.type === 'boolean' && !/^[!=]=$/.test(sign.text)) {
      throw new CelSyntaxError('a boolean is neither more nor less than another', sign.at);
    }
    return apply('boolean', [left, right], compare as (...values: never[]) => CelValue);
  }

  #membership(left: CelNode): CelNode {
    const sign = this.#next();
    needsOneOf(['text', 'number'], left, sign);
    if (this.#accepts('[')) {
      const members: CelNode[] = [];
      do members.push(this.#sum());
      while (this.#accepts(','));
      this.#expect(']');
      for (const member of members) needs(left.type, member, sign);
      return apply('boolean', [left, ...members], (value: never, ...of: never[]) =>
        of.includes(value),
      );
    }
    const right = this.#sum();
    needs('headers', right, sign);
    needs('text', left, sign);
    return {
      type: 'boolean',
      evaluate(source) {
        const name = left.evaluate(source);
        return typeof name === 'string' && source.header(name.toLowerCase()) !== undefined;
      },
    };
  }

  #sum(): CelNode {
    let left = this.#unary();
    for (let at = this.#peek(); this.#accepts('+'); at = this.#peek()) {
      const right = this.#unary();
      needs('text', left, at);
      needs('text', right, at);
      left = apply('text', [left, right], (a: string, b: string) => a + b);
    }
    return left;
  }

  #unary(): CelNode {
    const at = this.#peek();
    if (this.#accepts('!')) {
      this.#depth += 1;
      if (this.#depth > maxDepth) throw new CelSyntaxError('is nested too deeply', at.at);
      const of = this.#unary();
      this.#depth -= 1;
      needs('boolean', of, at);
      return apply('boolean', [of], (value: boolean) => !value);
    }
    if (this.#accepts('-')) {
      const number = this.#next();
      if (number.kind !== 'number') throw unexpected(number);
      return literal('number', -Number(number.text));
    }
    return this.#withMethods(this.#single());
  }

  #single(): CelNode {
    const token = this.#next();
    if (token.kind === 'text') return literal('text', token.text);
    if (token.kind === 'number') return literal('number', Number(token.text));
    if (token.kind === 'sign' && token.text === '(') {
      const inner = this.#conditional();
      this.#expect(')');
      return inner;
    }
    if (token.kind !== 'name') throw unexpected(token);
    if (token.text === 'true' || token.text === 'false') {
      return literal('boolean', token.text === 'true');
    }
    return this.#isNext('(') ? this.#function(token) : this.#attribute(token);
  }

  #function(name: Token): CelNode {
    this.#expect('(');
    const argument = this.#conditional();
    this.#expect(')');
    return callFunction(name, argument);
  }

  /** `request.headers['x']`, `request.method`, and so on. */
  #attribute(first: Token): CelNode {
    let name = first.text;
    while (!celAttributes.has(name) && this.#isNext('.')) {
      this.#position += 1;
      const part = this.#next();
      if (part.kind !== 'name') throw unexpected(part);
      name += `.${part.text}`;
    }
    const attribute = celAttributes.get(name);
    if (attribute === undefined) throw unknownAttribute(name, first);
    this.#note(name, attribute);
    if (attribute.type !== 'headers' || !this.#accepts('[')) {
      return attributeNode(name, attribute.type);
    }
    const key = constantText(this.#sum(), first);
    this.#expect(']');
    return headerNode(key.toLowerCase());
  }

  #note(name: string, { scope }: CelAttribute): void {
    if (scope !== 'label' && !this.requestAttributes.includes(name)) {
      this.requestAttributes.push(name);
    }
  }

  #withMethods(of: CelNode): CelNode {
    if (!this.#isNext('.')) return of;
    this.#position += 1;
    const method = this.#next();
    this.#expect('(');
    const argument = this.#conditional();
    this.#expect(')');
    return callMethod(of, method, argument);
  }

  #peek(): Token {
    return this.#tokens[this.#position] as Token;
  }

  #next(): Token {
    const token = this.#peek();
    if (token.kind !== 'end') this.#position += 1;
    return token;
  }

  #isNext(sign: string): boolean {
    const { kind, text } = this.#peek();
    return kind === 'sign' && text === sign;
  }

  #accepts(sign: string): boolean {
    const is = this.#isNext(sign);
    if (is) this.#position += 1;
    return is;
  }

  #expect(sign: string): void {
    const token = this.#peek();
    if (!this.#accepts(sign))
      throw new CelSyntaxError(`needs '${sign}', not ${token.text}`, token.at);
  }
}
