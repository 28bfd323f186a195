/** Types that the entry points re-export. */
import { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";

/** Errors of the client itself, as opposed to those that an actor threw. */
export class ActorClientError extends HoldfastError {
  constructor(message: string, code = "error", options: ErrorOptions = {}) {
    super("client", code, message, options);
    this.name = "ActorClientError";
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isHoldfastError(value) && (value.group === "client" || isDisposed(value) || isMalformed(value));
  }
}

/** A call on a connection that has been disposed. */
export class ActorConnDisposed extends ActorClientError {
  constructor() {
    super("The connection was disposed", "disposed");
    this.name = "ActorConnDisposed";
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isDisposed(value);
  }
}

/** A response that violates the protocol. */
export class MalformedResponseMessage extends ActorClientError {
  constructor(cause?: unknown) {
    super(`Malformed response message: ${String(cause)}`, "malformed_response", { cause });
    this.name = "MalformedResponseMessage";
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isMalformed(value) || isErrorCode(value, "client", "malformed_response");
  }
}

/** The server could not be reached, or refused a management request. */
export class ManagerError extends ActorClientError {
  constructor(error: string, options: ErrorOptions = {}) {
    super(`Manager error: ${error}`, "manager_error", options);
    this.name = "ManagerError";
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isErrorCode(value, "client", "manager_error") || isErrorCode(value, "client", "network_error");
  }
}

/** A request without a response. */
export class HttpRequestError extends ActorClientError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(`HTTP request error: ${message}`, "network_error", options);
    this.name = "HttpRequestError";
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isErrorCode(value, "client", "network_error");
  }
}

function isDisposed(value: unknown): boolean {
  return isErrorCode(value, "conn", "disposed") || isErrorCode(value, "client", "disposed");
}

function isMalformed(value: unknown): boolean {
  return isHoldfastError(value) && value.group === "message" && value.code.startsWith("malformed");
}
