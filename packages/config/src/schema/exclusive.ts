import type { Rule } from './field-type.ts';

/** Rules on which fields may, must and must not stand together. */

export function exactlyOneOf<T extends object>(...names: (keyof T & string)[]): Rule<T> {
  return (value, report) => {
    const given = names.filter((name) => value[name] !== undefined);
    if (given.length === 0) {
      report.error('missing_field', `needs one of ${names.join(', ')}`);
    } else if (given.length > 1) {
      report.error('conflict', `takes only one of ${names.join(', ')}, got ${given.join(' and ')}`);
    }
  };
}

export function atMostOneOf<T extends object>(...names: (keyof T & string)[]): Rule<T> {
  return (value, report) => {
    const given = names.filter((name) => value[name] !== undefined);
    if (given.length > 1) {
      report.error('conflict', `takes only one of ${names.join(', ')}, got ${given.join(' and ')}`);
    }
  };
}

export function atLeastOneOf<T extends object>(...names: (keyof T & string)[]): Rule<T> {
  return (value, report) => {
    if (names.every((name) => value[name] === undefined)) {
      report.error('missing_field', `needs at least one of ${names.join(', ')}`);
    }
  };
}

export function notEmpty<T extends object>(what: string): Rule<T> {
  return (value, report) => {
    if (Object.keys(value).length === 0) {
      report.error('missing_field', `${what} needs at least one field`);
    }
  };
}

/** The values of `list` under `key` must differ; each repeat is told at its own place. */
export function refuseRepeats<T>(
  list: readonly T[] | undefined,
  key: (item: T) => string | number | undefined,
  tell: (index: number, repeated: string | number) => void,
): void {
  const seen = new Set<string | number>();
  list?.forEach((item, index) => {
    const value = key(item);
    if (value === undefined) return;
    if (seen.has(value)) tell(index, value);
    seen.add(value);
  });
}
