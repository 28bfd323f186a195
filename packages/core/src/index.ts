/**
 * Shared foundation of all packages: errors, ids, keys, limits, logging, and the ports for time, randomness and
 * timers.
 */
export { type DecodeLimits, decodeValue, type TagDecoders } from "./codec/cbor-decode.ts";
export { type EncodeOptions, encodeValue } from "./codec/cbor-encode.ts";
export { decodeJson, encodeJson } from "./codec/json.ts";
export { CborTag } from "./codec/tags.ts";
export { contentCodings, decodedHeaders } from "./content-coding.ts";
export {
  type ErrorActor,
  fromWireError,
  HoldfastError,
  type HoldfastErrorOptions,
  isErrorCode,
  isHoldfastError,
  type ProblemDetails,
  toProblem,
  toWireError,
  UserError,
  type UserErrorOptions,
  type WireError,
} from "./errors.ts";
export { uuidv4, uuidv7 } from "./ids.ts";
export { type ActorKey, type ActorKeyInput, decodeKey, encodeKey, normalizeKey } from "./key.ts";
export { limits } from "./limits.ts";
export { logJson, logLine } from "./log-line.ts";
export { defaultNamespace, isNamespace, qualifiedName, splitName } from "./namespace.ts";
export type { Clock, LogFields, Logger, Ports, Random, Tasks, Timer } from "./ports.ts";
export { isPublicName, messageOf, sanitizeError } from "./sanitize-error.ts";
export {
  inputJsonSchema,
  isStandardSchema,
  jsonSchema,
  type SchemaInput,
  type SchemaIssue,
  type SchemaOutput,
  type StandardSchema,
  validate,
} from "./schema.ts";
export {
  createLogger,
  type LogLevel,
  type LogRecord,
  silentLogger,
  systemClock,
  systemPorts,
  systemRandom,
  systemTasks,
} from "./system.ts";
export { trackRejection } from "./track-rejection.ts";
export { version } from "./version.ts";
