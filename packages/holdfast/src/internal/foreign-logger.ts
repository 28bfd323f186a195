import { createLogger, type Logger } from "@holdfast/core";

/** A logger of another library, such as pino: fields first, then the message. */
export interface ForeignLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Returns a logger of ours unchanged, and adapts any other. */
export function loggerFrom(logger: Logger | ForeignLogger): Logger {
  return isOurs(logger) ? logger : adapted(logger);
}

/** Ours takes the message first and has only these methods; pino takes the fields first. */
function isOurs(logger: Logger | ForeignLogger): logger is Logger {
  return "child" in logger && !("bindings" in logger) && !("trace" in logger);
}

function adapted(logger: ForeignLogger): Logger {
  return createLogger("debug", ({ level, message, fields }) => logger[level](fields, message));
}
