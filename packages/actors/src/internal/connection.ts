import { HoldfastError } from "@holdfast/core";
import type { ActorConnection, ConnectionSink, OutgoingEvent } from "../instance.ts";
import type { Conn } from "../types.ts";

/** What a connection needs of its actor. */
export interface ConnectionOwner {
  /** Sends an event behind the open turn. */
  sendTo(connection: Connection, name: string, args: readonly unknown[]): void;
  /** Closes at the actor's wish, behind the open turn. */
  disconnect(connection: Connection, code: number, reason: string): Promise<void>;
  subscribe(connection: Connection, event: string): void;
  unsubscribe(connection: Connection, event: string): void;
  /** The client has gone away. */
  clientLeft(connection: Connection): void;
}

/** One connection as user code sees it; `host` is its other face. */
export class Connection implements Conn {
  readonly id: string;
  readonly params: unknown;
  state: unknown;
  readonly request: Request | undefined;
  /** Absent for the short-lived connection of a stateless call: what is sent to it goes nowhere. */
  readonly sink: ConnectionSink | undefined;
  readonly host: HostConnection;
  readonly subscriptions = new Set<string>();
  readonly #owner: ConnectionOwner;
  #phase: "setup" | "open" | "closed" = "setup";
  /** Events sent before the host was told that the connection is open. */
  #early: OutgoingEvent[] = [];
  #endReason = "";

  constructor(
    owner: ConnectionOwner,
    id: string,
    params: unknown,
    request: Request | undefined,
    sink: ConnectionSink | undefined,
  ) {
    this.#owner = owner;
    this.id = id;
    this.params = params;
    this.request = request;
    this.sink = sink;
    this.host = new HostConnection(owner, this);
  }

  readonly send = (name: string, ...args: unknown[]): void => this.#owner.sendTo(this, name, args);

  disconnect(reason?: string): Promise<void> {
    return this.#owner.disconnect(this, 1000, reason ?? "conn.disconnected");
  }

  /**
   * Tells the host that the connection is there, then what was sent meanwhile. Returns false when it
   * was ended before.
   */
  open(): boolean {
    if (this.#phase !== "setup" || this.sink === undefined) return false;
    this.#phase = "open";
    this.sink.open?.(this.host);
    for (const event of this.#early.splice(0)) this.sink.send(event);
    return true;
  }

  /** What the host is told of a connection that was ended before it was open. */
  get refusal(): HoldfastError {
    if (this.#endReason === "actor.stopping")
      return new HoldfastError("actor", "stopping", "The actor is stopping");
    return new HoldfastError("conn", "disconnected", `The actor closed the connection: ${this.#endReason}`);
  }

  /** Hands an event, whose commit is durable, to the host. */
  deliver(event: OutgoingEvent): void {
    if (this.#phase === "open") this.sink?.send(event);
    else if (this.#phase === "setup") this.#early.push(event);
  }

  /** The end as the host sees it; `tell` unless the host caused it. */
  end(tell: boolean, code: number, reason: string): void {
    const before = this.#phase;
    this.#phase = "closed";
    this.#endReason = reason;
    this.#early = [];
    if (tell && before === "open") this.sink?.close(code, reason);
  }
}

/** One connection as the host sees it. */
export class HostConnection implements ActorConnection {
  readonly #owner: ConnectionOwner;
  readonly #connection: Connection;

  constructor(owner: ConnectionOwner, connection: Connection) {
    this.#owner = owner;
    this.#connection = connection;
  }

  get id(): string {
    return this.#connection.id;
  }

  get connection(): Connection {
    return this.#connection;
  }

  subscribe(event: string): void {
    this.#owner.subscribe(this.#connection, event);
  }

  unsubscribe(event: string): void {
    this.#owner.unsubscribe(this.#connection, event);
  }

  close(): void {
    this.#owner.clientLeft(this.#connection);
  }
}
