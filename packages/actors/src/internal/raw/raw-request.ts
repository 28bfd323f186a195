import { decodedHeaders, HoldfastError } from "@holdfast/core";
import type { RawRequestCall } from "../../ports/instance.ts";
import { type Connection, HostConnection } from "../connections/connection.ts";
import type { Connections } from "../connections/connections.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { asAbortError, interruptedError } from "../lifecycle/error-filter.ts";
import { RawContext } from "./raw-context.ts";

/** The components that a request works with. */
export interface RawRequestDependencies
  extends Pick<
    ActorCore,
    | "activity"
    | "context"
    | "definition"
    | "errors"
    | "inTransaction"
    | "name"
    | "phase"
    | "ports"
    | "queue"
    | "transactionLock"
    | "turn"
  > {
  readonly connections: Connections;
}

/**
 * One HTTP request through `onRequest`. The head of the response, and each chunk of its body, leaves after the commit
 * of everything before it. The actor stays awake until the body has ended or its reader has left.
 */
export class RawRequest {
  readonly #actor: RawRequestDependencies;
  readonly #call: RawRequestCall;
  readonly #abort = new AbortController();
  readonly #answer = Promise.withResolvers<Response>();
  #body: ReadableStreamDefaultReader<unknown> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #connection: HostConnection | undefined;
  #begun = false;
  #settled = false;
  #ended = false;

  constructor(actor: RawRequestDependencies, call: RawRequestCall) {
    this.#actor = actor;
    this.#call = call;
  }

  /** Resolves with the response once its head may leave. Rejects with an error that the caller may see. */
  serve(): Promise<Response> {
    const actor = this.#actor;
    const { signal } = this.#call;
    actor.activity.begin();
    actor.context.abortSignal.addEventListener("abort", this.#stop);
    signal?.addEventListener("abort", this.#leave);
    const timeoutMs = actor.definition.options.actionTimeout;
    const timer = actor.ports.tasks.after(timeoutMs, () => this.#expire(timeoutMs));
    // The time limit covers only the head of the response.
    const answered = this.#answer.promise.finally(() => timer.cancel());
    if (signal?.aborted === true) {
      this.#leave();
      this.#end();
    } else void this.#run();
    return answered;
  }

  async #run(): Promise<void> {
    const { transactionLock } = this.#actor;
    try {
      // Connection hooks may use transactions of their own: they run before the request enters the lock.
      await transactionLock.pass();
      const connection = await this.#connect();
      await transactionLock.enter();
      try {
        // The caller has already got an error.
        if (this.#settled) return this.#end();
        this.#respond(await this.#handle(connection));
      } finally {
        transactionLock.leave();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The handler holds the lock until its response begins; the body is sent in turns of its own. */
  async #handle(connection: Connection): Promise<Response> {
    const actor = this.#actor;
    const { request } = this.#call;
    const c = new RawContext(actor.context, request, connection, this.#abort.signal);
    c.entered = true;
    this.#begun = true;
    try {
      return checked(await actor.turn.hook("onRequest", [c, request]), actor.name);
    } catch (error) {
      throw actor.errors.ofWork(error);
    } finally {
      c.entered = false;
      actor.transactionLock.unpark(c);
    }
  }

  async #connect(): Promise<Connection> {
    const actor = this.#actor;
    const { request, params, auth, skipReadyWait } = this.#call;
    const origin = { params, request, signal: this.#call.signal, ...(auth === undefined ? {} : { auth }) };
    const sink = {
      send: () => undefined,
      close: (_code: number, reason: string): void => this.#cut(reason),
    };
    const connection = await actor.connections.connect(origin, sink, skipReadyWait === true);
    if (!(connection instanceof HostConnection)) throw new TypeError("not a connection of this runtime");
    this.#connection = connection;
    return connection.connection;
  }

  #respond(response: Response): void {
    const { status, statusText, body } = response;
    const headers = decodedHeaders(response);
    this.#body = body?.getReader();
    // The client has disconnected, or the time limit has passed.
    if (this.#settled) return this.#end();
    const gated = new Response(body === null ? null : this.#gatedBody(), { status, statusText, headers });
    this.#actor.queue.after({
      release: () => {
        this.#settled = true;
        this.#answer.resolve(gated);
      },
      drop: (error) => {
        this.#reject(error);
        this.#end();
      },
    });
    if (body === null) this.#end();
  }

  /** Reads nothing ahead: the reader at the other end sets the pace. */
  #gatedBody(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: (reason) => {
          this.#abort.abort(reason);
          this.#end();
        },
      },
      { highWaterMark: 0 },
    );
  }

  async #pull(): Promise<void> {
    const { queue, errors } = this.#actor;
    try {
      const read = await this.#body?.read();
      // Waits for transactions of other code, too: the body is not part of them.
      await new Promise<void>((resolve, reject) => queue.after({ release: resolve, drop: reject }));
      if (this.#ended) return;
      if (read === undefined || read.done) {
        this.#controller?.close();
        this.#end();
      } else if (read.value instanceof Uint8Array) {
        this.#controller?.enqueue(read.value);
      } else {
        throw new TypeError("a chunk of the body of a Response is not a Uint8Array");
      }
    } catch (error) {
      if (this.#ended) return;
      this.#controller?.error(errors.sanitize(error));
      this.#end();
    }
  }

  #fail(error: unknown): void {
    const { errors, queue } = this.#actor;
    const sanitized = errors.sanitize(error);
    const reject = (): void => this.#reject(sanitized);
    queue.after({ release: reject, drop: reject });
    this.#end();
  }

  #expire(timeoutMs: number): void {
    const error = new HoldfastError("actor", "action_timed_out", "Action timed out", {
      metadata: { timeoutMs },
    });
    this.#abort.abort(asAbortError(error));
    // As for an action: the caller must not wait for a transaction that never ends.
    if (this.#actor.inTransaction) return this.#reject(error);
    this.#actor.queue.after({
      release: () => this.#reject(error),
      drop: (failure) => this.#reject(failure),
    });
  }

  /** Bound. The actor begins to stop; the handler may still finish. */
  readonly #stop = (): void => this.#abort.abort(this.#actor.context.abortSignal.reason);

  /** Bound. The client has disconnected. */
  readonly #leave = (): void => {
    const error = new HoldfastError("action", "aborted", "The client has disconnected", { statusCode: 499 });
    this.#abort.abort(asAbortError(error));
    this.#reject(error);
    if (this.#body !== undefined) this.#end();
  };

  /** The actor ends the connection: a response in progress is cut off. */
  #cut(reason: string): void {
    const error = this.#cutBy(reason);
    this.#abort.abort(asAbortError(error));
    this.#reject(error);
    if (this.#body === undefined || this.#ended) return;
    this.#controller?.error(error);
    this.#end();
  }

  /** A request that has begun must not look as if it had not run, or it would be repeated at the next instance. */
  #cutBy(reason: string): HoldfastError {
    if (this.#begun && reason === "actor.stopping") {
      return interruptedError("The actor stopped before the request ended; it may have run in part");
    }
    const [group = "actor", code = "stopped"] = reason.split(".");
    return new HoldfastError(group, code, `The actor ended the request: ${reason}`);
  }

  #reject(error: HoldfastError): void {
    this.#settled = true;
    this.#answer.reject(error);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { activity, context } = this.#actor;
    context.abortSignal.removeEventListener("abort", this.#stop);
    this.#call.signal?.removeEventListener("abort", this.#leave);
    // Has no effect on a body that was read to its end.
    this.#body?.cancel(this.#abort.signal.reason).catch(() => undefined);
    this.#connection?.close();
    activity.end();
  }
}

/** Accepts a Response of another realm or library, too. Throws `actor.invalid_response`. */
function checked(value: unknown, name: string): Response {
  if (!isResponse(value)) throw invalidResponse(`onRequest of "${name}" returned no Response`);
  if (value.status < 200 || value.status > 599) {
    throw invalidResponse(`onRequest of "${name}" returned the status ${value.status}`);
  }
  if (value.bodyUsed || value.body?.locked === true) {
    throw invalidResponse(`onRequest of "${name}" returned a Response whose body has been read`);
  }
  return value;
}

function isResponse(value: unknown): value is Response {
  if (value instanceof Response) return true;
  if (typeof value !== "object" || value === null) return false;
  return "status" in value && "headers" in value && "body" in value && "arrayBuffer" in value;
}

function invalidResponse(message: string): HoldfastError {
  return new HoldfastError("actor", "invalid_response", message, { statusCode: 500 });
}
