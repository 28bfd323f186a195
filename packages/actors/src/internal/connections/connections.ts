/** The connections of one actor: hooks, rooms, presence, and what outlives a sleep. */
import { HoldfastError, uuidv4, validate } from "@holdfast/core";
import type { CancelSignal } from "../../cancellation.ts";
import type {
  ActorConnection,
  ConnectionSink,
  ConnectRequest,
  HibernatedConnection,
} from "../../ports/instance.ts";
import type { OutgoingEvent } from "../../ports/outgoing-event.ts";
import type { KvEntry } from "../../ports/records.ts";
import type { BroadcastTarget } from "../../types.ts";
import { ConnContext, Context } from "../calls/context.ts";
import { checkEventName, encodeEvent } from "../calls/event-values.ts";
import { stoppedError } from "../lifecycle/error-filter.ts";
import { LazyMap, LazySet } from "../util/lazy.ts";
import { Audience } from "./audience.ts";
import { Connection, type ConnectionHost, type ConnectionOrigin, HostConnection } from "./connection.ts";
import { ConnectionMap } from "./connection-map.ts";
import { connectionIdOf, connectionKey, decodeConnection, encodeConnection } from "./connection-records.ts";
import type { ConnectionsDependencies } from "./dependencies.ts";
import { Presence, presenceEvent } from "./presence.ts";

/** The connections of one actor: their hooks, what is sent to them, and what of them outlives a sleep. */
export class Connections implements ConnectionHost {
  /** Made when the first connection comes, or somebody looks: most actors have none. */
  #all: ConnectionMap | undefined;
  #presence: Presence | undefined;
  readonly #actor: ConnectionsDependencies;
  readonly #audience = new Audience();
  /** Gone, but their clients may come back for what they miss. */
  readonly #lost = new LazyMap<string, Connection>();
  /** Those whose records this turn writes. */
  readonly #due = new LazySet<Connection>();
  /** Those whose state user code may hold dates or bytes of. */
  readonly #touched = new LazySet<Connection>();
  #held: readonly HibernatedConnection[] = [];
  /** Their hosts are told once the actor is ready: what their clients have asked for meanwhile finds all of it. */
  #restored: Connection[] = [];
  /** Their clients left before the actor was ready: as a rule, while it was not in memory. */
  #orphans: Connection[] = [];
  /** Their records are final: from now on the host alone knows who leaves. */
  #settled = false;
  /** Whether a connection is worth a record before the actor sleeps. */
  readonly #recordsAtOnce: boolean;

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
    const { hooks, connState } = actor.definition;
    this.#recordsAtOnce =
      hooks.createConnState !== undefined || hooks.onDisconnect !== undefined || connState !== undefined;
  }

  // From start to sleep

  /** The clients that the host kept; nobody else knows of them until they are restored. */
  hold(held: readonly HibernatedConnection[]): void {
    this.#held = held;
  }

  /** Restores what outlived a sleep; before any hook. */
  load(records: readonly KvEntry[]): void {
    const held = this.#held;
    this.#held = [];
    const live = new Map(held.filter(({ isLost }) => !isLost).map((each) => [each.id, each]));
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
    for (const { id, sink, memory, isLost } of held) {
      if (!isLost) continue;
      const connection = new Connection(this, id, { params: undefined, request: undefined }, sink, undefined);
      connection.restore({ ...connection.record(), ...memory });
      this.#lost.set(id, connection);
      this.#audience.enter(connection);
      this.#restored.push(connection);
    }
    // Their records are missing: the store was set back. They begin anew.
    for (const { sink } of live.values()) sink.close(1012, "conn.unknown");
  }

  /** The actor is ready: those who left while it slept are told of now. */
  started(): void {
    const orphans = this.#orphans;
    this.#orphans = [];
    for (const orphan of orphans) {
      this.#presenceLeft(orphan);
      this.#disconnected(orphan);
    }
    for (const { sink, host } of this.#restored.splice(0)) sink?.awake?.(host, this.#actor.instance);
  }

  /** The turn closes: the states that changed in it are written. */
  closing(): void {
    for (const connection of this.#due) this.#write(connection);
    this.#due.clear();
  }

  checkLeaves(forget: boolean): void {
    for (const connection of this.#touched) connection.checkLeaves(forget);
    if (forget) this.#touched.clear();
  }

  #write(connection: Connection): void {
    connection.dirty = false;
    connection.recorded = true;
    this.#actor.records.put(connectionKey(connection.id), encodeConnection(connection.record()));
  }

  /** Before the last commit of a sleep: writes what is needed to go on after it. */
  settle(): void {
    this.#settled = true;
    for (const connection of this.all.values()) {
      if (connection.isHibernatable && (connection.dirty || !connection.recorded)) this.#write(connection);
    }
    this.#due.clear();
  }

  /** The sleep is durable: the hosts keep the sockets and bring them back with the next wake. */
  hibernate(): void {
    for (const { sink, subscriptions, rooms } of [...this.all.values(), ...this.#lost.values()]) {
      sink?.hibernate?.({ subscriptions: [...subscriptions], rooms: [...rooms] });
    }
    this.all.removeAll();
    this.#lost.clear();
    this.#audience.clear();
  }

  // Connecting

  /**
   * Accepts a client: resolves once it is connected and what the hooks wrote is durable. `inGrace`: also while
   * the actor stops.
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

  /** The client of a lost connection is back: the new one goes on where that one was cut off. */
  #resumeFrom(connection: Connection, predecessor: ActorConnection | undefined): boolean {
    if (!(predecessor instanceof HostConnection)) return false;
    const lost = predecessor.connection;
    if (!this.#lost.delete(lost.id)) return false;
    this.#audience.exit(lost);
    for (const event of lost.subscriptions) this.#audience.subscribe(connection, event);
    for (const room of lost.rooms) this.#audience.join(connection, room);
    connection.dirty = true;
    lost.succeededBy(connection);
    return true;
  }

  /** Makes a connection and runs its hooks. Throws what a hook threw. */
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
      const what = { group: "actor", code: "validation_error", what: "What the connection has as params" };
      const params =
        connParamsSchema === undefined
          ? origin.params
          : await validate(connParamsSchema, origin.params, what);
      const connection = this.create({ ...origin, params }, sink);
      const c = new Context(actor.context, origin.request);
      await actor.turn.hook("onBeforeConnect", [c, params], options.onBeforeConnectTimeout);
      await this.#outside();
      if (hooks.createConnState !== undefined) {
        const made = actor.turn.hook("createConnState", [c, params], options.createConnStateTimeout);
        connection.begin(await made);
        await this.#outside();
      }
      if (signal?.aborted) throw new HoldfastError("conn", "aborted", "The client left while it connected");
      if (actor.phase.status !== "ready" && (!inGrace || actor.phase.sealed)) throw actor.errors.stopping();
      this.enter(connection);
      try {
        const own = new ConnContext(actor.context, connection);
        await actor.turn.hook("onConnect", [own, connection], options.onConnectTimeout);
      } catch (error) {
        this.#remove(connection, false, 1011, "");
        throw error;
      }
      return connection;
    } finally {
      actor.activity.end();
    }
  }

  /** A hook may take its time: what follows it is no part of a transaction that has begun meanwhile. */
  async #outside(): Promise<void> {
    const { transactionLock } = this.#actor;
    for (let held = transactionLock.pass(); held !== undefined; held = transactionLock.pass()) await held;
  }

  /** A connection that no hook has seen yet. */
  create(origin: ConnectionOrigin, sink: ConnectionSink | undefined): Connection {
    const { connState } = this.#actor.definition;
    const state = connState === undefined ? undefined : structuredClone(connState.initial);
    return new Connection(this, uuidv4(this.#actor.ports.random), origin, sink, state);
  }

  /** From now on it is one of `c.conns`. */
  enter(connection: Connection): void {
    this.all.enter(connection);
    if (connection.sink === undefined) return;
    if (!connection.isHibernatable) this.#actor.activity.connected();
    else if (this.#recordsAtOnce) this.changed(connection);
  }

  // Events and rooms

  subscribe(connection: Connection, event: string): boolean | Promise<void> {
    if (this.#settled) return false;
    if (this.all.get(connection.id) !== connection) return true;
    const rule = this.#actor.definition.events.get(event);
    if (rule?.canSubscribe !== undefined) return this.#askToSubscribe(connection, event, rule.canSubscribe);
    this.#subscribed(connection, event);
    return true;
  }

  #subscribed(connection: Connection, event: string): void {
    this.#audience.subscribe(connection, event);
    connection.dirty = true;
    if (event !== presenceEvent) return;
    const entries = encodeEvent(undefined, presenceEvent, ["all", this.presence.entries()]);
    this.#actor.queue.after({ release: () => connection.deliver(entries), drop: () => {} });
  }

  async #askToSubscribe(
    connection: Connection,
    event: string,
    ask: (...args: unknown[]) => unknown,
  ): Promise<void> {
    const actor = this.#actor;
    actor.activity.begin();
    try {
      const allowed = await actor.turn.runAccessHook(ask, new ConnContext(actor.context, connection));
      // Not a typed error: its caller gets "an internal error", the log what is wrong.
      if (typeof allowed !== "boolean") throw new TypeError("canSubscribe must return a boolean");
      if (this.all.get(connection.id) !== connection) return;
      if (allowed) this.#subscribed(connection, event);
      else this.#remove(connection, true, 1008, "auth.forbidden");
    } catch (error) {
      const shown = actor.errors.sanitize(error);
      this.#remove(connection, true, 1008, `${shown.group}.${shown.code}`);
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
    checkEventName(name);
    const targets = this.#audience.of(name, target);
    const { inspection, definition } = this.#actor;
    const isWatched = inspection?.watching.any === true;
    // What nobody hears is checked where it has a schema, and not encoded.
    if (targets.length === 0 && !isWatched && definition.events.get(name)?.schema === undefined) return;
    const event = this.#encode(name, args);
    if (isWatched) {
      const release = (): void => inspection.broadcast(event);
      this.#actor.queue.after({ release, drop: () => {}, undoable: true });
    }
    this.#sendAll(targets, event, true);
  }

  /** Who is here is not taken back with a transaction, and neither is the news of it. */
  broadcastPresence(args: readonly unknown[]): void {
    this.#sendAll(this.#audience.of(presenceEvent, undefined), this.#encode(presenceEvent, args), false);
  }

  presenceChanged(connection: Connection): void {
    this.changed(connection);
  }

  #sendAll(targets: readonly Connection[], event: OutgoingEvent, undoable: boolean): void {
    if (targets.length === 0) return;
    this.#actor.turn.sends++;
    this.#actor.queue.after({
      release: () => {
        for (const target of targets) this.#deliver(target, event);
      },
      drop: () => {},
      undoable,
    });
  }

  /** The host of one connection that fails is no reason for the others to miss the event. */
  #deliver(target: Connection, event: OutgoingEvent): void {
    try {
      target.deliver(event);
    } catch (error) {
      this.#actor.errors.report(error);
    }
  }

  sendTo(connection: Connection, name: string, args: readonly unknown[]): void {
    checkEventName(name);
    const event = this.#encode(name, args);
    if (connection.sink === undefined) return;
    this.#actor.turn.sends++;
    this.#actor.queue.after({
      release: () => connection.deliver(event),
      drop: () => {},
      undoable: true,
    });
  }

  #encode(name: string, args: readonly unknown[]): OutgoingEvent {
    const rule = this.#actor.definition.events.get(name);
    return encodeEvent(
      rule,
      name,
      args.map((item) => this.#actor.state.unwrap(item)),
    );
  }

  /** The record of a connection no longer says what it is: the turn that is open writes it. */
  changed(connection: Connection): void {
    if (this.#actor.phase.sealed) throw stoppedError();
    connection.dirty = true;
    if (!connection.isHibernatable || this.all.get(connection.id) !== connection) return;
    this.#due.add(connection);
    this.#actor.turn.noteChange();
  }

  /** User code reads the state of a connection: it may change dates and bytes in it unseen. */
  touched(connection: Connection): void {
    this.#touched.add(connection);
  }

  // Leaving

  clientLeft(connection: Connection, mayReturn: boolean): void {
    const lost = this.#lost.get(connection.id) === connection;
    if (lost && !mayReturn) {
      this.#lost.delete(connection.id);
      this.#audience.exit(connection);
      connection.end(false, 1000, "");
    }
    // Once the records are final, the next wake tells `onDisconnect`.
    if (this.#settled || lost) return;
    if (mayReturn && connection.isOpen && connection.isHibernatable) this.#lose(connection);
    else this.#remove(connection, false, 1000, "");
  }

  /** As a removal, but what its client would have heard goes on to the host. */
  #lose(connection: Connection): void {
    if (this.all.get(connection.id) !== connection) return;
    this.#leaveAll(connection);
    this.#lost.set(connection.id, connection);
    this.#disconnected(connection);
  }

  disconnect(connection: Connection, code: number, reason: string): Promise<void> {
    this.#actor.turn.sends++;
    this.#remove(connection, true, code, reason);
    // It leaves with what a transaction commits or takes back, for which nobody in it can wait.
    return this.#actor.inTransaction ? Promise.resolve() : this.#actor.context.saveState();
  }

  /** Ends the short-lived connection of a stateless call. */
  release(connection: Connection): void {
    this.#remove(connection, false, 1000, "");
  }

  /** The same for one that no hook has seen. */
  forget(connection: Connection): void {
    this.all.remove(connection.id);
    this.#touched.delete(connection);
    this.#audience.exit(connection);
  }

  #leaveAll(connection: Connection): void {
    this.all.remove(connection.id);
    this.#due.delete(connection);
    this.#touched.delete(connection);
    if (!this.#isStarting) this.#presenceLeft(connection);
  }

  #presenceLeft({ id, presence }: Connection): void {
    if (presence.length > 0) this.broadcastPresence(["left", id]);
  }

  get #isStarting(): boolean {
    return this.#actor.phase.status === "starting";
  }

  #remove(connection: Connection, tell: boolean, code: number, reason: string): void {
    if (this.all.get(connection.id) !== connection) return;
    this.#leaveAll(connection);
    this.#audience.exit(connection);
    if (tell) {
      this.#actor.queue.after({
        release: () => connection.end(true, code, reason),
        drop: () => connection.end(true, 1011, "actor.failed"),
      });
    } else connection.end(false, code, reason);
    this.#disconnected(connection);
  }

  #disconnected(connection: Connection): void {
    // It left while the actor is being loaded: hooks come later.
    if (this.#isStarting) {
      this.#orphans.push(connection);
      return;
    }
    const actor = this.#actor;
    actor.activity.begin();
    // The record goes with what the hook writes at once: without the one the next wake tells again.
    const tell = (): Promise<unknown> => {
      if (connection.recorded && !actor.phase.sealed) {
        connection.recorded = false;
        actor.records.delete(connectionKey(connection.id));
      }
      return actor.turn.hook("onDisconnect", [new ConnContext(actor.context, connection), connection]);
    };
    // What it writes is not part of somebody's transaction.
    (actor.transactionLock.pass()?.then(tell) ?? tell())
      .catch((error: unknown) => actor.errors.report(error))
      .finally(() => {
        actor.activity.end();
        if (connection.sink !== undefined && !connection.isHibernatable) actor.activity.disconnected();
      });
  }

  /** Disconnects, with `onDisconnect`; a sleep keeps those that outlive it. */
  closeAll(code: number, reason: string, keepHibernatable: boolean): void {
    for (const connection of [...this.all.values()]) {
      if (!keepHibernatable || !connection.isHibernatable) this.#remove(connection, true, code, reason);
    }
  }

  /** The actor is gone: tells the hosts at once, without hooks. */
  abandon(code: number, reason: string, keepHibernatable: boolean): void {
    for (const { sink } of this.#held) sink.close(code, reason);
    this.#held = [];
    for (const [id, connection] of [...this.all, ...this.#lost]) {
      if (keepHibernatable && connection.isHibernatable) continue;
      // The host closes it in answer: it is nobody's by then.
      this.all.remove(id);
      this.#lost.delete(id);
      this.#audience.exit(connection);
      connection.end(true, code, reason);
    }
  }
}
