/** The connections of one actor: hooks, rooms, presence, and hibernation. */
import { HoldfastError, uuidv4, validate } from "@holdfast/core";
import type { CancelSignal } from "../../cancellation.ts";
import type {
  ActorConnection,
  ConnectionSink,
  ConnectRequest,
  HibernatedConnection,
} from "../../ports/instance.ts";
import type { KvEntry } from "../../ports/records.ts";
import type { BroadcastTarget } from "../../types.ts";
import { ConnContext, Context } from "../calls/context.ts";
import { encodeEvent } from "../calls/event-values.ts";
import { stoppedError } from "../lifecycle/error-filter.ts";
import { LazyMap, LazySet } from "../util/lazy.ts";
import { Audience } from "./audience.ts";
import { Connection, type ConnectionHost, type ConnectionOrigin, HostConnection } from "./connection.ts";
import { ConnectionMap } from "./connection-map.ts";
import { connectionIdOf, connectionKey, decodeConnection, encodeConnection } from "./connection-records.ts";
import type { ConnectionsDependencies } from "./dependencies.ts";
import { OutgoingEvents } from "./outgoing-events.ts";
import { Presence, presenceEvent } from "./presence.ts";

/** The connections of one actor: runs their hooks, routes events to them, and restores them after a sleep. */
export class Connections implements ConnectionHost {
  /** Created on demand: most actors have no connections. */
  #all: ConnectionMap | undefined;
  #presence: Presence | undefined;
  readonly #actor: ConnectionsDependencies;
  readonly #audience = new Audience();
  readonly #events: OutgoingEvents;
  /** Disconnected connections whose clients may still reconnect and ask for missed events. */
  readonly #detached = new LazyMap<string, Connection>();
  /** Connections whose records this turn writes. */
  readonly #unsaved = new LazySet<Connection>();
  /** Connections whose state may contain dates or bytes that user code still holds. */
  readonly #touched = new LazySet<Connection>();
  #adopted: readonly HibernatedConnection[] = [];
  /**
   * Restored connections whose hosts are notified once the actor is ready, so that requests of their clients find them
   * complete.
   */
  #restored: Connection[] = [];
  /** Connections whose clients left before the actor was ready, usually while it slept. */
  #orphans: Connection[] = [];
  /** True once the records are final: from then on only the host knows which clients leave. */
  #recordsFinal = false;
  /** True if a connection gets a record immediately, and not only when the actor sleeps. */
  readonly #recordsImmediately: boolean;

  get all(): ConnectionMap {
    this.#all ??= new ConnectionMap(() => this.#actor.inspection);
    return this.#all;
  }

  get presence(): Presence {
    this.#presence ??= new Presence(this);
    return this.#presence;
  }

  constructor(actor: ConnectionsDependencies) {
    this.#actor = actor;
    this.#events = new OutgoingEvents(actor, this.#audience);
    const { hooks, connState } = actor.definition;
    this.#recordsImmediately =
      hooks.createConnState !== undefined || hooks.onDisconnect !== undefined || connState !== undefined;
  }

  // From start to sleep

  /** Takes over the connections that the host kept during a sleep, until they are restored. */
  adopt(adopted: readonly HibernatedConnection[]): void {
    this.#adopted = adopted;
  }

  /** Restores hibernated connections; runs before any hook. */
  load(records: readonly KvEntry[]): void {
    const adopted = this.#adopted;
    this.#adopted = [];
    const live = new Map(adopted.filter(({ isLost }) => !isLost).map((each) => [each.id, each]));
    for (const { key, value } of records) {
      const id = connectionIdOf(key);
      const record = decodeConnection(value);
      const found = live.get(id);
      const sink = found?.sink;
      const origin = { params: record.params, auth: record.auth, request: undefined };
      const connection = new Connection(this, id, origin, sink, record.state);
      connection.restore({ ...record, ...found?.memory });
      if (sink === undefined) {
        this.#orphans.push(connection);
        continue;
      }
      live.delete(id);
      this.all.enter(connection);
      this.#audience.enter(connection);
      this.#restored.push(connection);
    }
    for (const { id, sink, memory, isLost } of adopted) {
      if (!isLost) continue;
      const connection = new Connection(this, id, { params: undefined, request: undefined }, sink, undefined);
      connection.restore({ ...connection.record(), ...memory });
      this.#detached.set(id, connection);
      this.#audience.enter(connection);
      this.#restored.push(connection);
    }
    // Connections without a record: the store was reset. Their clients have to reconnect.
    for (const { sink } of live.values()) sink.close(1012, "conn.unknown");
  }

  /** Called once the actor is ready: runs `onDisconnect` for clients that left during the sleep. */
  started(): void {
    const orphans = this.#orphans;
    this.#orphans = [];
    for (const orphan of orphans) {
      this.#presenceLeft(orphan);
      this.#runDisconnectHook(orphan);
    }
    for (const { sink, host } of this.#restored.splice(0)) sink?.awake?.(host, this.#actor.instance);
  }

  /** Called when the turn closes: writes the changed records. */
  closing(): void {
    for (const connection of this.#unsaved) this.#write(connection);
    this.#unsaved.clear();
  }

  checkLeaves(discard: boolean): void {
    for (const connection of this.#touched) connection.checkLeaves(discard);
    if (discard) this.#touched.clear();
  }

  #write(connection: Connection): void {
    connection.dirty = false;
    connection.recorded = true;
    this.#actor.records.put(connectionKey(connection.id), encodeConnection(connection.record()));
  }

  /** Called before the last commit of a sleep: writes all records that the next instance needs. */
  writeFinalRecords(): void {
    this.#recordsFinal = true;
    for (const connection of this.all.values()) {
      if (connection.isHibernatable && (connection.dirty || !connection.recorded)) this.#write(connection);
    }
    this.#unsaved.clear();
  }

  /** Called when the sleep is durable: the hosts keep the sockets and return them with the next wake. */
  hibernate(): void {
    for (const { sink, subscriptions, rooms } of [...this.all.values(), ...this.#detached.values()]) {
      sink?.hibernate?.({ subscriptions: [...subscriptions], rooms: [...rooms] });
    }
    this.all.removeAll();
    this.#detached.clear();
    this.#audience.clear();
  }

  // Connecting

  /**
   * Accepts a client. Resolves once it is connected and the writes of its hooks are durable. With `inGrace`, also
   * while the actor stops.
   */
  async connect(request: ConnectRequest, sink: ConnectionSink, inGrace = false): Promise<ActorConnection> {
    const origin = { params: request.params, auth: request.auth, request: request.request };
    const connection = await this.admit(origin, sink, request.signal, inGrace).catch((error: unknown) => {
      throw this.#actor.errors.sanitize(error);
    });
    return new Promise((resolve, reject) => {
      this.#actor.queue.after({
        release: () => {
          const resumed = connection.isOpening && this.#resumeFrom(connection, request.resumes?.());
          if (connection.open(resumed)) resolve(connection.host);
          else reject(connection.refusal);
        },
        drop: reject,
      });
    });
  }

  /** Continues a lost connection: the new one takes over its subscriptions and rooms. */
  #resumeFrom(connection: Connection, predecessor: ActorConnection | undefined): boolean {
    if (!(predecessor instanceof HostConnection)) return false;
    const previous = predecessor.connection;
    if (!this.#detached.delete(previous.id)) return false;
    this.#audience.exit(previous);
    for (const event of previous.subscriptions) this.#audience.subscribe(connection, event);
    for (const room of previous.rooms) this.#audience.join(connection, room);
    connection.dirty = true;
    previous.succeededBy(connection);
    return true;
  }

  /** Creates a connection and runs its hooks. Throws the error of a hook. */
  async admit(
    origin: ConnectionOrigin,
    sink: ConnectionSink | undefined,
    signal?: CancelSignal,
    inGrace = false,
  ): Promise<Connection> {
    const actor = this.#actor;
    const { hooks, options, connParamsSchema } = actor.definition;
    actor.activity.begin();
    try {
      const what = { group: "actor", code: "validation_error", what: "The connection parameters" };
      const params =
        connParamsSchema === undefined
          ? origin.params
          : await validate(connParamsSchema, origin.params, what);
      const connection = this.create({ ...origin, params }, sink);
      const c = new Context(actor.context, origin.request);
      await actor.turn.hook("onBeforeConnect", [c, params], options.onBeforeConnectTimeout);
      await this.#waitForLock();
      if (hooks.createConnState !== undefined) {
        const hookResult = actor.turn.hook("createConnState", [c, params], options.createConnStateTimeout);
        connection.begin(await hookResult);
        await this.#waitForLock();
      }
      if (signal?.aborted)
        throw new HoldfastError("conn", "aborted", "The client disconnected while it was connecting");
      if (actor.phase.status !== "ready" && (!inGrace || actor.phase.sealed)) throw actor.errors.stopping();
      this.enter(connection);
      try {
        const connContext = new ConnContext(actor.context, connection);
        await actor.turn.hook("onConnect", [connContext, connection], options.onConnectTimeout);
      } catch (error) {
        this.#remove(connection, false, 1011, "");
        throw error;
      }
      return connection;
    } finally {
      actor.activity.end();
    }
  }

  /** Waits for the end of a transaction that began while a hook ran: what follows is not part of it. */
  async #waitForLock(): Promise<void> {
    const { transactionLock } = this.#actor;
    for (let pass = transactionLock.pass(); pass !== undefined; pass = transactionLock.pass()) await pass;
  }

  /** Creates a connection without running hooks. */
  create(origin: ConnectionOrigin, sink: ConnectionSink | undefined): Connection {
    const { connState } = this.#actor.definition;
    const state = connState === undefined ? undefined : structuredClone(connState.initial);
    return new Connection(this, uuidv4(this.#actor.ports.random), origin, sink, state);
  }

  /** Adds the connection to `c.conns`. */
  enter(connection: Connection): void {
    this.all.enter(connection);
    if (connection.sink === undefined) return;
    if (!connection.isHibernatable) this.#actor.activity.connected();
    else if (this.#recordsImmediately) this.changed(connection);
  }

  // Events and rooms

  subscribe(connection: Connection, event: string): boolean | Promise<void> {
    if (this.#recordsFinal) return false;
    if (this.all.get(connection.id) !== connection) return true;
    const rule = this.#actor.definition.events.get(event);
    if (rule?.canSubscribe !== undefined)
      return this.#authorizeSubscription(connection, event, rule.canSubscribe);
    this.#addSubscription(connection, event);
    return true;
  }

  #addSubscription(connection: Connection, event: string): void {
    this.#audience.subscribe(connection, event);
    connection.dirty = true;
    if (event !== presenceEvent) return;
    const entries = encodeEvent(undefined, presenceEvent, ["all", this.presence.entries()]);
    this.#actor.queue.after({ release: () => connection.deliver(entries), drop: () => {} });
  }

  async #authorizeSubscription(
    connection: Connection,
    event: string,
    ask: (...args: unknown[]) => unknown,
  ): Promise<void> {
    const actor = this.#actor;
    actor.activity.begin();
    try {
      const allowed = await actor.turn.runAccessHook(ask, new ConnContext(actor.context, connection));
      // Not a typed error: the caller gets an internal error, and the log has the details.
      if (typeof allowed !== "boolean") throw new TypeError("canSubscribe must return a boolean");
      if (this.all.get(connection.id) !== connection) return;
      if (allowed) this.#addSubscription(connection, event);
      else this.#remove(connection, true, 1008, "auth.forbidden");
    } catch (error) {
      const sanitized = actor.errors.sanitize(error);
      this.#remove(connection, true, 1008, `${sanitized.group}.${sanitized.code}`);
    } finally {
      actor.activity.end();
    }
  }

  unsubscribe(connection: Connection, event: string): void {
    this.#audience.unsubscribe(connection, event);
    connection.dirty = true;
  }

  join(connection: Connection, room: string): void {
    if (this.all.get(connection.id) !== connection) return;
    if (this.#audience.join(connection, room)) this.changed(connection);
  }

  leave(connection: Connection, room: string): void {
    if (this.#audience.leave(connection, room)) this.changed(connection);
  }

  broadcast(name: string, args: readonly unknown[], target?: BroadcastTarget): void {
    this.#events.broadcast(name, args, target);
  }

  broadcastPresence(args: readonly unknown[]): void {
    this.#events.broadcastPresence(args);
  }

  sendTo(connection: Connection, name: string, args: readonly unknown[]): void {
    this.#events.sendTo(connection, name, args);
  }

  presenceChanged(connection: Connection): void {
    this.changed(connection);
  }

  /** Marks the record of a connection as outdated: the open turn writes it. */
  changed(connection: Connection): void {
    if (this.#actor.phase.sealed) throw stoppedError();
    connection.dirty = true;
    if (!connection.isHibernatable || this.all.get(connection.id) !== connection) return;
    this.#unsaved.add(connection);
    this.#actor.turn.noteChange();
  }

  /** Called when user code reads the state of a connection, in which it may change dates and bytes unnoticed. */
  touched(connection: Connection): void {
    this.#touched.add(connection);
  }

  // Leaving

  clientLeft(connection: Connection, mayReturn: boolean): void {
    const wasDetached = this.#detached.get(connection.id) === connection;
    if (wasDetached && !mayReturn) {
      this.#detached.delete(connection.id);
      this.#audience.exit(connection);
      connection.end(false, 1000, "");
    }
    // Once the records are final, the next instance runs `onDisconnect`.
    if (this.#recordsFinal || wasDetached) return;
    if (mayReturn && connection.isOpen && connection.isHibernatable) this.#detach(connection);
    else this.#remove(connection, false, 1000, "");
  }

  /** Removes a connection whose client may return; its missed events go to the host. */
  #detach(connection: Connection): void {
    if (this.all.get(connection.id) !== connection) return;
    this.#unlist(connection);
    this.#detached.set(connection.id, connection);
    this.#runDisconnectHook(connection);
  }

  disconnect(connection: Connection, code: number, reason: string): Promise<void> {
    this.#actor.turn.sends++;
    this.#remove(connection, true, code, reason);
    // In a transaction the disconnect takes effect with its commit, for which code inside cannot wait.
    return this.#actor.inTransaction ? Promise.resolve() : this.#actor.context.saveState();
  }

  /** Ends the short-lived connection of a stateless call. */
  release(connection: Connection): void {
    this.#remove(connection, false, 1000, "");
  }

  /** As {@link release}, for a connection that no hook has seen. */
  forget(connection: Connection): void {
    this.all.remove(connection.id);
    this.#touched.delete(connection);
    this.#audience.exit(connection);
  }

  #unlist(connection: Connection): void {
    this.all.remove(connection.id);
    this.#unsaved.delete(connection);
    this.#touched.delete(connection);
    if (!this.#isStarting) this.#presenceLeft(connection);
  }

  #presenceLeft({ id, presence }: Connection): void {
    if (presence.length > 0) this.broadcastPresence(["left", id]);
  }

  get #isStarting(): boolean {
    return this.#actor.phase.status === "starting";
  }

  #remove(connection: Connection, notifyHost: boolean, code: number, reason: string): void {
    if (this.all.get(connection.id) !== connection) return;
    this.#unlist(connection);
    this.#audience.exit(connection);
    if (notifyHost) {
      this.#actor.queue.after({
        release: () => connection.end(true, code, reason),
        drop: () => connection.end(true, 1011, "actor.failed"),
      });
    } else connection.end(false, code, reason);
    this.#runDisconnectHook(connection);
  }

  #runDisconnectHook(connection: Connection): void {
    // The actor is still loading: the hooks run once it is ready.
    if (this.#isStarting) {
      this.#orphans.push(connection);
      return;
    }
    const actor = this.#actor;
    actor.activity.begin();
    // The record is deleted in the same commit as the hook's writes; if that commit fails, the next instance runs the
    // hook again.
    const runHook = (): Promise<unknown> => {
      if (connection.recorded && !actor.phase.sealed) {
        connection.recorded = false;
        actor.records.delete(connectionKey(connection.id));
      }
      return actor.turn.hook("onDisconnect", [new ConnContext(actor.context, connection), connection]);
    };
    // The writes of the hook must not join an open transaction.
    (actor.transactionLock.pass()?.then(runHook) ?? runHook())
      .catch((error: unknown) => actor.errors.report(error))
      .finally(() => {
        actor.activity.end();
        if (connection.sink !== undefined && !connection.isHibernatable) actor.activity.disconnected();
      });
  }

  /** Disconnects all, with `onDisconnect`; `keepHibernatable` keeps those that outlive a sleep. */
  closeAll(code: number, reason: string, keepHibernatable: boolean): void {
    for (const connection of [...this.all.values()]) {
      if (!keepHibernatable || !connection.isHibernatable) this.#remove(connection, true, code, reason);
    }
  }

  /** The actor has ended: closes the connections at their hosts, without hooks. */
  abandon(code: number, reason: string, keepHibernatable: boolean): void {
    for (const { sink } of this.#adopted) sink.close(code, reason);
    this.#adopted = [];
    for (const [id, connection] of [...this.all, ...this.#detached]) {
      if (keepHibernatable && connection.isHibernatable) continue;
      // Removed first: the host answers by closing it.
      this.all.remove(id);
      this.#detached.delete(id);
      this.#audience.exit(connection);
      connection.end(true, code, reason);
    }
  }
}
