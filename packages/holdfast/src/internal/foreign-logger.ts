import { createLogger, type Logger } from "@holdfast/core";

/** A logger of another library, such as pino: fields first, then the message. */
export interface ForeignLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The logger itself where it is one of ours, else one that hands its records on. */
export function loggerFrom(logger: Logger | ForeignLogger): Logger {
  return isOurs(logger) ? logger : adapted(logger);
}

/** Ours takes the message first and has no more than these methods; a pino takes the fields first. */
function isOurs(logger: Logger | ForeignLogger): logger is Logger {
  return "child" in logger && !("bindings" in logger) && !("trace" in logger);
}

function adapted(logger: ForeignLogger): Logger {
  return createLogger("debug", ({ level, message, fields }) => logger[level](fields, message));
}
