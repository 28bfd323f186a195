import {
  type ErrorActor,
  HoldfastError,
  isErrorCode,
  type Random,
  sanitizeError,
  uuidv4,
} from "@holdfast/core";

/** Turns thrown errors into what callers may see, and reports the details to the host. */
export class ErrorFilter {
  readonly #random: Random;
  readonly #report: (errorId: string, error: unknown) => void;
  /** Lifecycle errors of this actor, to tell them from errors of other actors with the same codes. */
  #own: WeakSet<object> | undefined;

  readonly #actor: ErrorActor;
  readonly #expose: boolean;

  /** `expose` shows internal errors to callers as well, for development. */
  constructor(
    random: Random,
    report: (errorId: string, error: unknown) => void,
    actor: ErrorActor,
    expose: boolean,
  ) {
    this.#random = random;
    this.#report = report;
    this.#actor = actor;
    this.#expose = expose;
  }

  /** The only place where an error of user code or of the store becomes visible to a caller. */
  sanitize(error: unknown): HoldfastError {
    const foreign = isLifecycleError(error) && !this.#own?.has(error);
    // "Stopping" of another actor must not look as if this one had not run the call, nor "starting", which
    // a hook of the start gets that ends its own actor, as if the start could be waited for.
    const original = foreign ? new Error(`it ended with "${error.message}"`, { cause: error }) : error;
    const visible = sanitizeError(original, uuidv4(this.#random), this.#report, this.#expose);
    // An error that was sanitized once passes unchanged the next time, even as a copy.
    if (isLifecycleError(visible)) this.#know(visible);
    // An error that comes from another actor already names that actor.
    if (visible.actor !== undefined) return visible;
    if (visible === error && !this.#own?.has(error)) return withActor(visible, this.#actor);
    visible.actor = this.#actor;
    return visible;
  }

  /** As {@link sanitize}, for errors of the store about this actor. */
  fromStore(error: unknown): HoldfastError {
    if (isLifecycleError(error)) this.#know(error);
    return this.sanitize(error);
  }

  #know(error: HoldfastError): void {
    this.#own ??= new WeakSet();
    this.#own.add(error);
  }

  /** Reports an error that has no caller, such as one of a background hook. */
  report(error: unknown): void {
    this.#report(uuidv4(this.#random), error);
  }

  stopping(): HoldfastError {
    const error = new HoldfastError("actor", "stopping", "The actor is stopping; the call has not run");
    this.#know(error);
    return error;
  }

  /**
   * As {@link sanitize}, for user code that has begun. If it rethrows the stop error, such as its signal's reason,
   * the caller gets `action.interrupted`: the call must not look as if it had not run.
   */
  ofWork(error: unknown): HoldfastError {
    const isCutOff = isErrorCode(error, "actor", "stopping") && this.#own?.has(error) === true;
    return this.sanitize(isCutOff ? interruptedError(cutOff) : error);
  }
}

const cutOff = "The actor stopped before this ended; it may have run in part";

/** Copies the error instead of changing it: user code may throw one constant from several actors. */
function withActor(error: HoldfastError, actor: ErrorActor): HoldfastError {
  const { group, code, message, metadata, statusCode } = error;
  return new HoldfastError(group, code, message, {
    ...(metadata === undefined ? {} : { metadata }),
    statusCode,
    public: error.public,
    actor,
    cause: error,
  });
}

function isLifecycleError(error: unknown): error is HoldfastError {
  return ["stopping", "fenced", "starting"].some((code) => isErrorCode(error, "actor", code));
}

/** Names the error `AbortError`, so that it can be told from a failure when `fetch` rejects with it. */
export function asAbortError(error: HoldfastError): HoldfastError {
  error.name = "AbortError";
  return error;
}

export function reentrantError(): HoldfastError {
  return new HoldfastError("actor", "state_mutation_reentrant", "onStateChange must not change the state", {
    statusCode: 500,
  });
}

export function stoppedError(): HoldfastError {
  const message = "The actor has stopped; code that still runs cannot change it";
  return new HoldfastError("actor", "stopped", message, { statusCode: 500 });
}

export function interruptedError(message: string): HoldfastError {
  return new HoldfastError("action", "interrupted", message);
}
