import { encodeValue, HoldfastError, uuidv4 } from "@holdfast/core";
import type { ActorConnection, ConnectionSink, ConnectRequest, OutgoingEvent } from "../instance.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { Context } from "./context.ts";
import type { Runtime } from "./runtime.ts";

/** The connections of one actor: their hooks, their subscriptions, what is sent to them. */
export class Connections implements ConnectionOwner {
  readonly all = new Map<string, Connection>();
  readonly #runtime: Runtime;
  readonly #subscribers = new Map<string, Set<Connection>>();
  /** True when a stateless call has to go through the hooks of a connection. */
  readonly hasHooks: boolean;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    const { hooks } = runtime.definition;
    this.hasHooks =
      hooks.createConnState !== undefined ||
      hooks.onBeforeConnect !== undefined ||
      hooks.onConnect !== undefined ||
      hooks.onDisconnect !== undefined;
  }

  /** Accepts a client: resolves once it is connected and what the hooks wrote is durable. */
  async connect(request: ConnectRequest, sink: ConnectionSink): Promise<ActorConnection> {
    const admitted = this.admit(request.params, request.request, sink, request.signal);
    const connection = await admitted.catch((error: unknown) => {
      throw this.#runtime.errors.sanitize(error);
    });
    return new Promise((resolve, reject) => {
      this.#runtime.queue.after({
        release: () => {
          if (connection.open()) resolve(connection.host);
          else reject(connection.refusal);
        },
        drop: reject,
      });
    });
  }

  /** Makes a connection and runs its hooks. Throws what a hook threw. */
  async admit(
    params: unknown,
    request: Request | undefined,
    sink: ConnectionSink | undefined,
    signal?: AbortSignal,
  ): Promise<Connection> {
    const runtime = this.#runtime;
    const { hooks, options } = runtime.definition;
    const c = new Context(runtime, request);
    runtime.activity.begin();
    try {
      await runtime.hook("onBeforeConnect", [c, params], options.onBeforeConnectTimeout);
      const connection = this.create(params, request, sink);
      if (hooks.createConnState !== undefined) {
        connection.state = await runtime.hook("createConnState", [c, params], options.createConnStateTimeout);
      }
      if (signal?.aborted) throw new HoldfastError("conn", "aborted", "The client left while it connected");
      if (runtime.status !== "ready") throw runtime.errors.stopping();
      this.all.set(connection.id, connection);
      if (sink !== undefined) runtime.activity.connected();
      try {
        await runtime.hook("onConnect", [c, connection], options.onConnectTimeout);
      } catch (error) {
        this.#remove(connection, false, 1011, "");
        throw error;
      }
      return connection;
    } finally {
      runtime.activity.end();
    }
  }

  /** A connection that no hook has seen yet. */
  create(params: unknown, request: Request | undefined, sink: ConnectionSink | undefined): Connection {
    const connection = new Connection(this, uuidv4(this.#runtime.ports.random), params, request, sink);
    const { connState } = this.#runtime.definition;
    if (connState !== undefined) connection.state = structuredClone(connState.initial);
    return connection;
  }

  subscribe(connection: Connection, event: string): void {
    if (!this.all.has(connection.id)) return;
    connection.subscriptions.add(event);
    const subscribers = this.#subscribers.get(event);
    if (subscribers === undefined) this.#subscribers.set(event, new Set([connection]));
    else subscribers.add(connection);
  }

  unsubscribe(connection: Connection, event: string): void {
    connection.subscriptions.delete(event);
    const subscribers = this.#subscribers.get(event);
    subscribers?.delete(connection);
    if (subscribers?.size === 0) this.#subscribers.delete(event);
  }

  broadcast(name: string, args: readonly unknown[]): void {
    const subscribers = this.#subscribers.get(name);
    if (subscribers === undefined) return;
    const event = this.#encode(name, args);
    const targets = [...subscribers];
    this.#runtime.queue.after({
      release: () => {
        for (const target of targets) target.deliver(event);
      },
      drop: () => {},
    });
  }

  sendTo(connection: Connection, name: string, args: readonly unknown[]): void {
    if (connection.sink === undefined) return;
    const event = this.#encode(name, args);
    this.#runtime.queue.after({ release: () => connection.deliver(event), drop: () => {} });
  }

  #encode(name: string, args: readonly unknown[]): OutgoingEvent {
    return { name, args: encodeValue(args.map((item) => this.#runtime.unwrap(item))) };
  }

  clientLeft(connection: Connection): void {
    this.#remove(connection, false, 1000, "");
  }

  disconnect(connection: Connection, code: number, reason: string): Promise<void> {
    this.#remove(connection, true, code, reason);
    return this.#runtime.saveState();
  }

  /** Ends the short-lived connection of a stateless call. */
  release(connection: Connection): void {
    this.#remove(connection, false, 1000, "");
  }

  #remove(connection: Connection, tell: boolean, code: number, reason: string): void {
    if (!this.all.delete(connection.id)) return;
    const runtime = this.#runtime;
    for (const event of connection.subscriptions) this.unsubscribe(connection, event);
    if (tell) {
      runtime.queue.after({
        release: () => connection.end(true, code, reason),
        drop: () => connection.end(true, 1011, "actor.failed"),
      });
    } else connection.end(false, code, reason);
    runtime.activity.begin();
    runtime
      .hook("onDisconnect", [new Context(runtime, connection.request), connection])
      .catch((error: unknown) => runtime.errors.report(error))
      .finally(() => {
        runtime.activity.end();
        if (connection.sink !== undefined) runtime.activity.disconnected();
      });
  }

  /** Disconnects everyone, with `onDisconnect`. */
  closeAll(code: number, reason: string): void {
    for (const connection of [...this.all.values()]) this.#remove(connection, true, code, reason);
  }

  /** The actor is gone: tells the hosts at once, without hooks. */
  abandon(code: number, reason: string): void {
    for (const connection of this.all.values()) connection.end(true, code, reason);
    this.all.clear();
    this.#subscribers.clear();
  }
}
