import { HoldfastError, isErrorCode } from "@holdfast/core";

export {
  HoldfastError,
  HoldfastError as ActorError,
  HoldfastError as RivetError,
  isErrorCode,
  isErrorCode as isRivetErrorCode,
  isHoldfastError,
  isHoldfastError as isRivetErrorLike,
  UserError,
  type UserErrorOptions,
  type WireError,
} from "@holdfast/core";

/** The code of errors whose cause only the log has. */
export const INTERNAL_ERROR_CODE = "internal_error";
/** The code of a `UserError` that names none. */
export const USER_ERROR_CODE = "user_error";

export function actorNotFound(name?: string): HoldfastError {
  return new HoldfastError("actor", "not_found", "The actor does not exist", {
    ...(name === undefined ? {} : { metadata: { name } }),
  });
}

export function forbiddenError(message = "Forbidden"): HoldfastError {
  return new HoldfastError("auth", "forbidden", message);
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
  return isErrorCode(error, "actor", "aborted");
}
