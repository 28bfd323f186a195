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

/** The code of errors whose cause only the log has. */
export const INTERNAL_ERROR_CODE = "internal_error";
/** The message of such errors. */
export const INTERNAL_ERROR_DESCRIPTION = "An internal error occurred";
/** The code of a `UserError` that names none. */
export const USER_ERROR_CODE = "user_error";

/** Nothing but the id under which the log has the error. */
export type InternalErrorMetadata = { readonly errorId?: string };

/** Anything with the fields of an error as it crosses boundaries. */
export interface RivetErrorLike extends WireError {
  readonly public?: boolean;
  readonly statusCode?: number;
}

/** What a {@link RivetError} has beside group, code and message. */
export type RivetErrorOptions = HoldfastErrorOptions;

const optionNames = ["public", "metadata", "statusCode", "actor", "cause", "rayId"];

/**
 * An error with a group of your own. Unlike a `UserError`, it keeps its message and metadata from callers
 * (HTTP 500) unless `public: true` (HTTP 400), or group and code are those of an error that is made for
 * callers, such as `auth.forbidden` (its own status). Every typed error is an instance of it.
 */
export class RivetError extends HoldfastError {
  /** The fourth argument is the options, or metadata where it has none of their names. */
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

// Errors that the runtime throws are instances too; those of a class of your own that extends this one are not.
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

/** True for typed errors, and for plain objects with their fields. */
export function isRivetErrorLike(error: unknown): error is RivetErrorLike {
  if (isHoldfastError(error)) return true;
  if (typeof error !== "object" || error === null) return false;
  return ["group", "code", "message"].every((name) => typeof Reflect.get(error, name) === "string");
}

/** True when `error` is, or has the fields of, the error `group.code`. */
export function isRivetErrorCode(error: unknown, group: string, code: string): error is RivetError {
  return isRivetErrorLike(error) && error.group === group && error.code === code;
}

/** The typed error itself, or one of `actor.internal_error` (unless `fallback` says another) around it. */
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

/** An error whose message stays in the log: a caller sees only that something went wrong. */
export function internalError(
  message: string,
  options: RivetErrorOptions & { readonly group?: string; readonly code?: string } = {},
): RivetError {
  const { group = "actor", code = INTERNAL_ERROR_CODE, ...rest } = options;
  return new RivetError(group, code, message, { public: false, ...rest });
}

/** `encoding.invalid`: a client asked for an encoding that there is not. */
export function invalidEncoding(format?: string): RivetError {
  return new RivetError("encoding", "invalid", `Invalid encoding "${format}"`, { public: true });
}

/** `request.invalid`: what was asked cannot be read; `error` says why. */
export function invalidRequest(error?: unknown): RivetError {
  const why = error instanceof Error ? error.message : String(error);
  return new RivetError("request", "invalid", `Invalid request: ${why}`, { public: true, cause: error });
}

/** `actor.not_found`: there is no actor with this key or id. */
export function actorNotFound(identifier?: string): HoldfastError {
  const message = identifier === undefined ? "The actor does not exist" : `Actor not found: ${identifier}`;
  return new HoldfastError("actor", "not_found", message);
}

/** `actor.stopping`: the actor takes nothing new, since it is on its way out of memory. */
export function actorStopping(identifier?: string): HoldfastError {
  const message = identifier === undefined ? "The actor is stopping" : `Actor stopping: ${identifier}`;
  return new HoldfastError("actor", "stopping", message);
}

/** Where in its life the actor is, and when to try again. */
export interface ActorRestartingOptions {
  readonly phase?: "stopping" | "sleeping" | "waking" | "runner_shutdown";
  readonly retryAfterMs?: number;
}

/** `actor.restarting`: worth trying again, after `retryAfterMs` where it is known. */
export function actorRestarting(options: ActorRestartingOptions = {}): HoldfastError {
  const metadata = { ...options, retryable: true };
  return new HoldfastError("actor", "restarting", "The actor is restarting", { statusCode: 503, metadata });
}

/** `auth.forbidden`: the caller is known and may not do this. */
export function forbiddenError(message = "Forbidden"): HoldfastError {
  return new HoldfastError("auth", "forbidden", message);
}

/** `feature.unsupported`: there is no such thing here. */
export function unsupportedFeature(feature: string): RivetError {
  const message = `Unsupported feature: ${feature}`;
  return new RivetError("feature", "unsupported", message, { public: true });
}

/** Throw it from `onAuth` to refuse a caller who has not said who he is. */
export class Unauthorized extends HoldfastError {
  constructor(message = "Unauthorized") {
    super("auth", "unauthorized", message);
    this.name = "Unauthorized";
  }
}

/** True when a wait ended because its actor stops. */
export function isActorAbortedError(error: unknown): boolean {
  return isRivetErrorCode(error, "actor", "aborted");
}
