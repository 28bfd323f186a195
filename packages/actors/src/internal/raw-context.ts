import type { Conn } from "../types.ts";
import type { Connection } from "./connection.ts";
import { Context, type ContextSource } from "./context.ts";

/** The context of `onRequest` and `onWebSocket`. */
export class RawContext extends Context {
  readonly #conn: Connection;
  readonly #abortSignal: AbortSignal;
  /** Its handler is past the turnstile: a transaction of its own need not wait for it. */
  entered = false;

  constructor(source: ContextSource, request: Request, conn: Connection, abortSignal: AbortSignal) {
    super(source, request);
    this.#conn = conn;
    this.#abortSignal = abortSignal;
  }

  get conn(): Conn {
    return this.#conn;
  }

  /** Aborts when the actor begins to stop, when the client has gone away, and at the time limit. */
  override get abortSignal(): AbortSignal {
    return this.#abortSignal;
  }
}
