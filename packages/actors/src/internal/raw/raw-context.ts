import type { Conn } from "../../types.ts";
import { Context, type ContextSource } from "../calls/context.ts";
import type { Connection } from "../connections/connection.ts";
import type { LockHolder } from "../turn/transaction-lock.ts";

/** The context of `onRequest` and `onWebSocket`. */
export class RawContext extends Context implements LockHolder {
  readonly #conn: Connection;
  readonly #ownSignal: AbortSignal;
  #signal: AbortSignal | undefined;
  /** True while its handler is inside the transaction lock: a transaction of its own need not wait for it. */
  entered = false;
  parked = false;

  constructor(source: ContextSource, request: Request, conn: Connection, ownSignal: AbortSignal) {
    super(source, request);
    this.#conn = conn;
    this.#ownSignal = ownSignal;
  }

  get conn(): Conn {
    return this.#conn;
  }

  /** Aborts when the actor begins to stop, when the client disconnects, and at the time limit. */
  override get abortSignal(): AbortSignal {
    this.#signal ??= this.source.signalOf(this.#ownSignal);
    return this.#signal;
  }
}
