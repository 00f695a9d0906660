import { type Figure, holds } from '../scenarios/scenario.ts';

/** A few significant digits, without an exponent. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return '∞';
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toFixed(digits).replace(/\B(?=(\d{3})+$)/g, digits === 0 ? ',' : '');
}

export function valueText({ value, unit }: Figure): string {
  return `${numberText(value)} ${unit}`;
}

export function boundText({ bound }: Figure): string {
  return bound === undefined ? '' : `${bound.kind} ${numberText(bound.value)}`;
}

export function verdictText(figure: Figure): string {
  if (figure.bound === undefined) return '';
  return holds(figure) ? 'holds' : 'MISSED';
}
