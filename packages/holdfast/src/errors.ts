import {
  HoldfastError,
  type HoldfastErrorOptions,
  isHoldfastError,
  isPublicName,
  type WireError,
} from "@holdfast/core";

export {
  type ErrorActor,
  type ErrorActor as ActorSpecifier,
  HoldfastError,
  isErrorCode,
  isHoldfastError,
  UserError,
  type UserErrorOptions,
  type WireError,
} from "@holdfast/core";

/** The code of errors whose details only the log has. */
export const INTERNAL_ERROR_CODE = "internal_error";
/** The message of such errors. */
export const INTERNAL_ERROR_DESCRIPTION = "An internal error occurred";
/** The default code of a `UserError`. */
export const USER_ERROR_CODE = "user_error";

/** The id under which the log has the error. */
export type InternalErrorMetadata = { readonly errorId?: string };

/** The fields of an error as it crosses process boundaries. */
export interface RivetErrorLike extends WireError {
  readonly public?: boolean;
  readonly statusCode?: number;
}

/** The fields of a {@link RivetError} beyond group, code and message. */
export type RivetErrorOptions = HoldfastErrorOptions;

const optionNames = ["public", "metadata", "statusCode", "actor", "cause", "rayId"];

/**
 * An error with a group of your own. Unlike a `UserError`, it hides its message and metadata from callers (HTTP 500),
 * unless `public: true` (HTTP 400) or unless group and code are those of an error for callers, such as
 * `auth.forbidden` (its own status). Every typed error is an instance of it.
 */
export class RivetError extends HoldfastError {
  /** The fourth argument is the options, or metadata if it has none of their names. */
  constructor(group: string, code: string, message: string, options?: RivetErrorOptions | unknown) {
    const given = isOptions(options) ? options : options === undefined ? {} : { metadata: options };
    const known = isPublicName(group, code);
    const isPublic = given.public ?? known;
    const status = known && isPublic ? {} : { statusCode: isPublic ? 400 : 500 };
    super(group, code, message, { ...status, ...given, public: isPublic });
    this.name = "RivetError";
  }

  static isRivetError(error: unknown): error is RivetError {
    return isRivetErrorLike(error);
  }

  static isActorError(error: unknown): error is RivetError {
    return isRivetErrorLike(error);
  }

  override toString(): string {
    return this.message;
  }
}

// Errors that the runtime throws are instances as well. A class that extends this one has only its own instances.
Object.defineProperty(RivetError, Symbol.hasInstance, {
  value(this: unknown, error: unknown): boolean {
    return this === RivetError
      ? isHoldfastError(error)
      : Function.prototype[Symbol.hasInstance].call(this, error);
  },
});

export { RivetError as ActorError };

function isOptions(value: unknown): value is RivetErrorOptions {
  return typeof value === "object" && value !== null && optionNames.some((name) => name in value);
}

/** True for typed errors, and for plain objects with the same fields. */
export function isRivetErrorLike(error: unknown): error is RivetErrorLike {
  if (isHoldfastError(error)) return true;
  if (typeof error !== "object" || error === null) return false;
  return ["group", "code", "message"].every((name) => typeof Reflect.get(error, name) === "string");
}

/** True if `error` is the error `group.code`, or a plain object with its fields. */
export function isRivetErrorCode(error: unknown, group: string, code: string): error is RivetError {
  return isRivetErrorLike(error) && error.group === group && error.code === code;
}

/** Returns a typed error unchanged, and wraps any other in `fallback` (`actor.internal_error`). */
export function toRivetError(error: unknown, fallback: Partial<RivetErrorLike> = {}): HoldfastError {
  if (isHoldfastError(error)) return error;
  if (isRivetErrorLike(error)) {
    const { group, code, message, metadata, actor, statusCode } = error;
    return new RivetError(group, code, message, {
      ...(metadata === undefined ? {} : { metadata }),
      ...(actor === undefined ? {} : { actor }),
      ...(statusCode === undefined ? {} : { statusCode }),
      public: error.public ?? false,
      cause: error instanceof Error ? error.cause : undefined,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return internalError(message, {
    ...fallback,
    ...(error instanceof Error ? { cause: error } : {}),
  });
}

/** An error whose message stays in the log: callers learn only that something went wrong. */
export function internalError(
  message: string,
  options: RivetErrorOptions & { readonly group?: string; readonly code?: string } = {},
): RivetError {
  const { group = "actor", code = INTERNAL_ERROR_CODE, ...rest } = options;
  return new RivetError(group, code, message, { public: false, ...rest });
}

/** `encoding.invalid`: a client requested an unknown encoding. */
export function invalidEncoding(format?: string): RivetError {
  return new RivetError("encoding", "invalid", `Invalid encoding "${format}"`, { public: true });
}

/** `request.invalid`: the request cannot be parsed; `error` has the reason. */
export function invalidRequest(error?: unknown): RivetError {
  const why = error instanceof Error ? error.message : String(error);
  return new RivetError("request", "invalid", `Invalid request: ${why}`, { public: true, cause: error });
}

/** `actor.not_found`: there is no actor with this key or id. */
export function actorNotFound(identifier?: string): HoldfastError {
  const message = identifier === undefined ? "The actor does not exist" : `Actor not found: ${identifier}`;
  return new HoldfastError("actor", "not_found", message);
}

/** `actor.stopping`: the actor is stopping and accepts nothing new. */
export function actorStopping(identifier?: string): HoldfastError {
  const message = identifier === undefined ? "The actor is stopping" : `Actor stopping: ${identifier}`;
  return new HoldfastError("actor", "stopping", message);
}

/** The phase of the actor's life, and when to retry. */
export interface ActorRestartingOptions {
  readonly phase?: "stopping" | "sleeping" | "waking" | "runner_shutdown";
  readonly retryAfterMs?: number;
}

/** `actor.restarting`: retry, after `retryAfterMs` if it is known. */
export function actorRestarting(options: ActorRestartingOptions = {}): HoldfastError {
  const metadata = { ...options, retryable: true };
  return new HoldfastError("actor", "restarting", "The actor is restarting", { statusCode: 503, metadata });
}

/** `auth.forbidden`: the caller is authenticated and lacks the permission. */
export function forbiddenError(message = "Forbidden"): HoldfastError {
  return new HoldfastError("auth", "forbidden", message);
}

/** `feature.unsupported`: this feature does not exist here. */
export function unsupportedFeature(feature: string): RivetError {
  const message = `Unsupported feature: ${feature}`;
  return new RivetError("feature", "unsupported", message, { public: true });
}

/** Throw it from `onAuth` to refuse a caller who is not authenticated. */
export class Unauthorized extends HoldfastError {
  constructor(message = "Unauthorized") {
    super("auth", "unauthorized", message);
    this.name = "Unauthorized";
  }
}

/** True if a wait ended because its actor stops. */
export function isActorAbortedError(error: unknown): boolean {
  return isRivetErrorCode(error, "actor", "aborted");
}
