import type { CelType } from './attributes.ts';

/** A value of an expression. `undefined` is an error: a header that is not there, and all that is made of it. */
export type CelValue = string | number | boolean | undefined;

/** Where the values of attributes come from. */
export interface CelSource {
  attribute(name: string): CelValue;
  header(name: string): string | undefined;
}

/** A part of an expression: its type is known before it is ever evaluated. */
export interface CelNode {
  readonly type: CelType | 'list';
  evaluate(source: CelSource): CelValue;
}

export function literal(type: CelType, value: CelValue): CelNode {
  return { type, evaluate: () => value };
}

export function attributeNode(name: string, type: CelType): CelNode {
  return { type, evaluate: (source) => source.attribute(name) };
}

export function headerNode(name: string): CelNode {
  return { type: 'text', evaluate: (source) => source.header(name) };
}

/** Of values that are there; an error stays one. */
export function apply(
  type: CelType,
  parts: readonly CelNode[],
  compute: (...values: never[]) => CelValue,
): CelNode {
  return {
    type,
    evaluate(source) {
      const values: CelValue[] = [];
      for (const part of parts) {
        const value = part.evaluate(source);
        if (value === undefined) return undefined;
        values.push(value);
      }
      return compute(...(values as never[]));
    },
  };
}

/** `&&` and `||`: one side that decides outweighs an error on the other, as CEL has it. */
export function logical(left: CelNode, right: CelNode, decides: boolean): CelNode {
  return {
    type: 'boolean',
    evaluate(source) {
      const first = left.evaluate(source);
      if (first === decides) return decides;
      const second = right.evaluate(source);
      if (second === decides) return decides;
      return first === undefined || second === undefined ? undefined : !decides;
    },
  };
}

export function conditional(condition: CelNode, yes: CelNode, no: CelNode): CelNode {
  return {
    type: yes.type,
    evaluate(source) {
      const held = condition.evaluate(source);
      if (held === undefined) return undefined;
      return held === true ? yes.evaluate(source) : no.evaluate(source);
    },
  };
}
