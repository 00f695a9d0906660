/** One log method in pino's shape: fields first, then the text. */
export type LogMethod = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** What Inmesh logs to: any pino-like logger fits. Field values are data and never part of the text. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

const nothing: LogMethod = () => {};

/** The default of every library package: a library does not write where nobody asked. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};
