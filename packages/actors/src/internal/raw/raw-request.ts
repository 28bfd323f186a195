import { decodedHeaders, HoldfastError } from "@holdfast/core";
import type { RawRequestCall } from "../../ports/instance.ts";
import { type Connection, HostConnection } from "../connections/connection.ts";
import type { Connections } from "../connections/connections.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { asAbortError, interruptedError } from "../lifecycle/error-filter.ts";
import { RawContext } from "./raw-context.ts";

/** The actor that a request is handed to. */
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
 * One HTTP request on its way through `onRequest`. Its head leaves after the commit of what came before
 * it, and each chunk of its body after the commit of what came before that chunk. The actor is kept
 * awake until the body has ended or nobody reads it any more.
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
  #answered = false;
  #ended = false;

  constructor(actor: RawRequestDependencies, call: RawRequestCall) {
    this.#actor = actor;
    this.#call = call;
  }

  /** The answer, as far as it may leave. Rejects with what the caller may see. */
  serve(): Promise<Response> {
    const actor = this.#actor;
    const { signal } = this.#call;
    actor.activity.begin();
    actor.context.abortSignal.addEventListener("abort", this.#stop);
    signal?.addEventListener("abort", this.#leave);
    const timeoutMs = actor.definition.options.actionTimeout;
    const timer = actor.ports.tasks.after(timeoutMs, () => this.#expire(timeoutMs));
    // Whatever it is answered with, the time limit is for the head only.
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
      // The hooks of its connection may have transactions of their own: they run before it enters.
      await transactionLock.pass();
      const connection = await this.#connect();
      await transactionLock.enter();
      try {
        // Nobody waits any more for an answer that never began.
        if (this.#answered) return this.#end();
        this.#respond(await this.#handle(connection));
      } finally {
        transactionLock.leave();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The handler is inside until its answer begins; the body comes in turns of its own. */
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
    // The client has gone away, or the time was over.
    if (this.#answered) return this.#end();
    const shown = new Response(body === null ? null : this.#gatedBody(), { status, statusText, headers });
    this.#actor.queue.after({
      release: () => {
        this.#answered = true;
        this.#answer.resolve(shown);
      },
      drop: (error) => {
        this.#reject(error);
        this.#end();
      },
    });
    if (body === null) this.#end();
  }

  /** Nothing is read ahead: the reader at the other end sets the pace. */
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
      // Also behind a transaction of somebody else, of which the body is no part.
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
    const shown = errors.sanitize(error);
    const reject = (): void => this.#reject(shown);
    queue.after({ release: reject, drop: reject });
    this.#end();
  }

  #expire(timeoutMs: number): void {
    const error = new HoldfastError("actor", "action_timed_out", "Action timed out", {
      metadata: { timeoutMs },
    });
    this.#abort.abort(asAbortError(error));
    // As for an action: a transaction may never end.
    if (this.#actor.inTransaction) return this.#reject(error);
    this.#actor.queue.after({
      release: () => this.#reject(error),
      drop: (failure) => this.#reject(failure),
    });
  }

  /** Bound: the actor begins to stop; the handler may still end in its own way. */
  readonly #stop = (): void => this.#abort.abort(this.#actor.context.abortSignal.reason);

  /** Bound: the client has gone away. */
  readonly #leave = (): void => {
    const error = new HoldfastError("action", "aborted", "The client has gone away", { statusCode: 499 });
    this.#abort.abort(asAbortError(error));
    this.#reject(error);
    if (this.#body !== undefined) this.#end();
  };

  /** The actor ends the connection: what is on its way is cut off. */
  #cut(reason: string): void {
    const error = this.#cutBy(reason);
    this.#abort.abort(asAbortError(error));
    this.#reject(error);
    if (this.#body === undefined || this.#ended) return;
    this.#controller?.error(error);
    this.#end();
  }

  /** Nobody may take what has begun for something that has not run, and run it again at the next instance. */
  #cutBy(reason: string): HoldfastError {
    if (this.#begun && reason === "actor.stopping") {
      return interruptedError("The actor stopped before the request ended; it may have run in part");
    }
    const [group = "actor", code = "stopped"] = reason.split(".");
    return new HoldfastError(group, code, `The actor ended the request: ${reason}`);
  }

  #reject(error: HoldfastError): void {
    this.#answered = true;
    this.#answer.reject(error);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { activity, context } = this.#actor;
    context.abortSignal.removeEventListener("abort", this.#stop);
    this.#call.signal?.removeEventListener("abort", this.#leave);
    // A body that was read to its end takes no notice.
    this.#body?.cancel(this.#abort.signal.reason).catch(() => undefined);
    this.#connection?.close();
    activity.end();
  }
}

/** Also takes the Response of another realm or library. Throws `actor.invalid_response`. */
function checked(value: unknown, name: string): Response {
  if (!isResponse(value)) throw invalidResponse(`onRequest of "${name}" returned no Response`);
  if (value.status < 200 || value.status > 599) {
    throw invalidResponse(`onRequest of "${name}" answered with the status ${value.status}`);
  }
  if (value.bodyUsed || value.body?.locked === true) {
    throw invalidResponse(`onRequest of "${name}" returned a Response whose body was read already`);
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
