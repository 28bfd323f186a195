import { HoldfastError } from "@holdfast/core";
import type { ActorConnection, ConnectionSink, RequestSource } from "../../ports/instance.ts";
import type { OutgoingEvent } from "../../ports/outgoing-event.ts";
import type { Conn } from "../../types.ts";
import { Tracker } from "../state/tracker.ts";
import { copyValue } from "../state/value.ts";
import type { ConnectionRecord } from "./connection-records.ts";

/** Operations of an actor on one of its connections. */
export interface ConnectionHost {
  /** Sends an event after the open turn has committed. */
  sendTo(connection: Connection, name: string, args: readonly unknown[]): void;
  /** Closes the connection after the open turn has committed. */
  disconnect(connection: Connection, code: number, reason: string): Promise<void>;
  /** Returns false if the subscription can no longer be answered. The promise never rejects. */
  subscribe(connection: Connection, event: string): boolean | Promise<void>;
  unsubscribe(connection: Connection, event: string): void;
  join(connection: Connection, room: string): void;
  leave(connection: Connection, room: string): void;
  /**
   * Records that the state of the connection changed; committed with the open turn. Throws when changes are refused.
   */
  changed(connection: Connection): void;
  /** Records that user code has read its state. */
  touched(connection: Connection): void;
  /** The client has disconnected; `mayReturn` if it may reconnect and ask for the events it missed. */
  clientLeft(connection: Connection, mayReturn: boolean): void;
}

/** Origin of a connection: parameters and identity of its client. */
export interface ConnectionOrigin {
  readonly params: unknown;
  readonly auth?: unknown;
  readonly request: RequestSource | undefined;
}

const noRooms: ReadonlySet<string> = new Set();

/**
 * One connection as user code sees it; `host` is the host's view of it. Its fields are private, so that user code can
 * neither assign to them nor log them.
 */
export class Connection implements Conn {
  readonly #id: string;
  readonly #origin: ConnectionOrigin;
  readonly #sink: ConnectionSink | undefined;
  readonly #host: HostConnection;
  readonly #subscriptions = new Set<string>();
  readonly #owner: ConnectionHost;
  #phase: "setup" | "open" | "closed" = "setup";
  #rawState: unknown;
  #tracker: Tracker | undefined;
  #send: Conn["send"] | undefined;
  #rooms: Set<string> | undefined;
  #presence: readonly unknown[] = [];
  #dirty = false;
  #recorded = false;
  /** Events sent before the host has opened the connection. */
  #early: OutgoingEvent[] = [];
  #endReason = "";
  /** The connection that has taken over this one's client. */
  #successor: Connection | undefined;
  /** True if it existed before the actor slept. */
  #outlived = false;

  constructor(
    owner: ConnectionHost,
    id: string,
    origin: ConnectionOrigin,
    sink: ConnectionSink | undefined,
    state: unknown,
  ) {
    this.#owner = owner;
    this.#id = id;
    this.#origin = { params: origin.params, auth: origin.auth, request: origin.request };
    this.#sink = sink;
    this.#rawState = state;
    this.#host = new HostConnection(owner, this);
  }

  get id(): string {
    return this.#id;
  }

  get params(): unknown {
    return this.#origin.params;
  }

  get auth(): unknown {
    return this.#origin.auth;
  }

  get request(): RequestSource | undefined {
    return this.#origin.request;
  }

  /** Undefined for the short-lived connection of a stateless call: events sent to it are dropped. */
  get sink(): ConnectionSink | undefined {
    return this.#sink;
  }

  get host(): HostConnection {
    return this.#host;
  }

  get subscriptions(): Set<string> {
    return this.#subscriptions;
  }

  /** Bound, so that user code can pass it on. */
  get send(): Conn["send"] {
    this.#send ??= (name: string, ...args: unknown[]): void => this.#owner.sendTo(this, name, args);
    return this.#send;
  }

  /** Its presence, as a list of at most one value, so that undefined is a possible value. */
  get presence(): readonly unknown[] {
    return this.#presence;
  }

  set presence(presence: readonly unknown[]) {
    this.#presence = presence;
  }

  /** True if it differs from its record. */
  get dirty(): boolean {
    return this.#dirty;
  }

  set dirty(dirty: boolean) {
    this.#dirty = dirty;
  }

  /** True if the store has a record of it. */
  get recorded(): boolean {
    return this.#recorded;
  }

  set recorded(recorded: boolean) {
    this.#recorded = recorded;
  }

  /** Logged or encoded as JSON, it reveals neither the actor nor what its client sent in confidence. */
  toJSON(): { readonly id: string } {
    return { id: this.id };
  }

  /** Tracked from its first use on, as `c.state` is. */
  get state(): unknown {
    this.#owner.touched(this);
    return this.#track().value;
  }

  set state(value: unknown) {
    this.#track().value = value;
  }

  #track(): Tracker {
    if (this.#tracker === undefined) {
      const tracker = new Tracker(this.#rawState, () => {
        // The record is always written completely: single operations are not needed.
        tracker.take();
        this.#owner.changed(this);
      });
      this.#tracker = tracker;
    }
    return this.#tracker;
  }

  /** Copies a state that a hook has returned. Throws `actor.invalid_state_value`. */
  begin(state: unknown): void {
    this.#rawState = copyValue(state, [], (item) => item);
    this.#tracker = undefined;
  }

  /** Notices changes of dates and bytes in the state, which no proxy reports. */
  checkLeaves(forget: boolean): void {
    this.#tracker?.checkLeaves(forget);
    // No code runs that may still hold an assigned value.
    if (forget) this.#tracker?.settle();
  }

  /** Also for a connection whose client left while the actor slept. */
  get isHibernatable(): boolean {
    return this.#sink === undefined ? this.#outlived : this.#sink.hibernate !== undefined;
  }

  get rooms(): ReadonlySet<string> {
    return this.#rooms ?? noRooms;
  }

  addRoom(room: string): boolean {
    this.#rooms ??= new Set();
    if (this.#rooms.has(room)) return false;
    this.#rooms.add(room);
    return true;
  }

  removeRoom(room: string): boolean {
    return this.#rooms?.delete(room) === true;
  }

  join(room: string): void {
    this.#owner.join(this, room);
  }

  leave(room: string): void {
    this.#owner.leave(this, room);
  }

  disconnect(reason?: string): Promise<void> {
    return this.#owner.disconnect(this, 1000, reason ?? "conn.disconnected");
  }

  record(): ConnectionRecord {
    this.#tracker?.settle();
    return {
      params: this.params,
      state: this.#tracker === undefined ? this.#rawState : this.#tracker.raw,
      auth: this.auth,
      subscriptions: [...this.subscriptions],
      rooms: [...this.rooms],
      presence: this.presence,
    };
  }

  /** Restores the state from before the sleep; the client has been connected all the time. */
  restore(record: ConnectionRecord): void {
    this.#recorded = true;
    this.#outlived = true;
    for (const event of record.subscriptions) this.#subscriptions.add(event);
    for (const room of record.rooms) this.addRoom(room);
    this.#presence = record.presence;
    this.#phase = "open";
  }

  /**
   * Opens the connection at the host, then sends the events that were waiting. Returns false if it has already ended.
   * `resumed` if it has taken over from another connection.
   */
  open(resumed: boolean): boolean {
    if (this.#phase !== "setup" || this.#sink === undefined) return false;
    this.#phase = "open";
    this.#sink.open?.(this.host, resumed);
    for (const event of this.#early.splice(0)) this.#sink.send(event);
    return true;
  }

  get isOpening(): boolean {
    return this.#phase === "setup";
  }

  get isOpen(): boolean {
    return this.#phase === "open";
  }

  /** The error for the host if the connection ended before it was open. */
  get refusal(): HoldfastError {
    if (this.#endReason === "actor.stopping")
      return new HoldfastError("actor", "stopping", "The actor is stopping");
    // A reason of the form `group.code` names the error.
    const [group = "", code = ""] = /^([a-z_]+)\.([a-z0-9_]+)$/.exec(this.#endReason)?.slice(1) ?? [];
    const message = `The actor closed the connection: ${this.#endReason}`;
    if (group !== "") return new HoldfastError(group, code, message, { statusCode: 403 });
    return new HoldfastError("conn", "disconnected", message);
  }

  /** Delivers an event, whose commit is durable, to the host. */
  deliver(event: OutgoingEvent): void {
    if (this.#successor !== undefined) this.#successor.deliver(event);
    else if (this.#phase === "open") this.#sink?.send(event);
    else if (this.#phase === "setup") this.#early.push(event);
  }

  /** Hands over to another connection of the same client, which gets all further events. */
  succeededBy(successor: Connection): void {
    this.#successor = successor;
  }

  /** Ends the connection; `notifyHost` is false if the host itself ended it. */
  end(notifyHost: boolean, code: number, reason: string): void {
    const before = this.#phase;
    this.#phase = "closed";
    this.#endReason = reason;
    this.#early = [];
    if (notifyHost && before === "open") this.#sink?.close(code, reason);
  }
}

/** One connection as the host sees it. */
export class HostConnection implements ActorConnection {
  readonly #owner: ConnectionHost;
  readonly #connection: Connection;

  constructor(owner: ConnectionHost, connection: Connection) {
    this.#owner = owner;
    this.#connection = connection;
  }

  get id(): string {
    return this.#connection.id;
  }

  get connection(): Connection {
    return this.#connection;
  }

  get subscriptions(): ReadonlySet<string> {
    return this.#connection.subscriptions;
  }

  subscribe(event: string): boolean | Promise<void> {
    return this.#owner.subscribe(this.#connection, event);
  }

  unsubscribe(event: string): void {
    this.#owner.unsubscribe(this.#connection, event);
  }

  lose(): void {
    this.#owner.clientLeft(this.#connection, true);
  }

  close(): void {
    this.#owner.clientLeft(this.#connection, false);
  }
}
