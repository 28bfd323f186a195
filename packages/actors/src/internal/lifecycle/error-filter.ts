import {
  type ErrorActor,
  HoldfastError,
  isErrorCode,
  type Random,
  sanitizeError,
  uuidv4,
} from "@holdfast/core";

/** Decides what callers see of errors, and hands the rest to the host. */
export class ErrorFilter {
  readonly #random: Random;
  readonly #report: (errorId: string, error: unknown) => void;
  /** Lifecycle errors that speak of this actor, among those with the same codes that speak of others. */
  #own: WeakSet<object> | undefined;

  readonly #actor: ErrorActor;
  readonly #expose: boolean;

  /** `expose` shows what went wrong also where that is nobody's business: for development. */
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

  /** The one place where what user code or the store threw becomes what a caller may see. */
  sanitize(error: unknown): HoldfastError {
    const foreign = isLifecycleError(error) && !this.#own?.has(error);
    // "Stopping" of another actor must not look as if this one had not run the call, nor "starting", which
    // a hook of the start gets that ends its own actor, as if the start could be waited for.
    const shown = foreign ? new Error(`it ended with "${error.message}"`, { cause: error }) : error;
    const visible = sanitizeError(shown, uuidv4(this.#random), this.#report, this.#expose);
    // What has passed once passes again, also where it is a copy.
    if (isLifecycleError(visible)) this.#know(visible);
    // An error that comes from another actor tells of that one already.
    if (visible.actor !== undefined) return visible;
    if (visible === error && !this.#own?.has(error)) return withActor(visible, this.#actor);
    visible.actor = this.#actor;
    return visible;
  }

  /** As {@link sanitize}, for what the store said of this actor. */
  fromStore(error: unknown): HoldfastError {
    if (isLifecycleError(error)) this.#know(error);
    return this.sanitize(error);
  }

  #know(error: HoldfastError): void {
    this.#own ??= new WeakSet();
    this.#own.add(error);
  }

  /** A hook that nobody waits for has thrown: the host gets the error, whatever it is. */
  report(error: unknown): void {
    this.#report(uuidv4(this.#random), error);
  }

  stopping(): HoldfastError {
    const error = new HoldfastError("actor", "stopping", "The actor is stopping; the call has not run");
    this.#know(error);
    return error;
  }

  /**
   * As {@link sanitize}, for what user code ended with that has begun. Where it throws what told it of the stop,
   * such as the reason of its signal, it was interrupted: nobody may take it for something that has not run.
   */
  ofWork(error: unknown): HoldfastError {
    const isCutOff = isErrorCode(error, "actor", "stopping") && this.#own?.has(error) === true;
    return this.sanitize(isCutOff ? interruptedError(cutOff) : error);
  }
}

const cutOff = "The actor stopped before this ended; it may have run in part";

/** What user code throws is not written on: it may be a constant, which another actor throws as well. */
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

/** The reason of an `AbortSignal`: what `fetch` and the like reject with is told from a failure by its name. */
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
