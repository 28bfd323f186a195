import { HoldfastError } from "@holdfast/core";
import type { BroadcastTarget } from "../../types.ts";
import { LazyMap } from "../util/lazy.ts";
import type { Connection } from "./connection.ts";

/** Index of one actor's connections by the events they subscribe to and the rooms they are in. */
export class Audience {
  readonly #subscribers = new LazyMap<string, Set<Connection>>();
  readonly #rooms = new LazyMap<string, Set<Connection>>();

  subscribe(connection: Connection, event: string): void {
    connection.subscriptions.add(event);
    addTo(this.#subscribers, event, connection);
  }

  unsubscribe(connection: Connection, event: string): void {
    connection.subscriptions.delete(event);
    removeFrom(this.#subscribers, event, connection);
  }

  /** Returns false if the connection was in the room already. */
  join(connection: Connection, room: string): boolean {
    if (!connection.addRoom(room)) return false;
    addTo(this.#rooms, room, connection);
    return true;
  }

  leave(connection: Connection, room: string): boolean {
    if (!connection.removeRoom(room)) return false;
    removeFrom(this.#rooms, room, connection);
    return true;
  }

  /** Adds a connection with its recorded subscriptions and rooms. */
  enter(connection: Connection): void {
    for (const event of connection.subscriptions) addTo(this.#subscribers, event, connection);
    for (const room of connection.rooms) addTo(this.#rooms, room, connection);
  }

  /** Removes a connection from the index; it keeps the record of its own subscriptions. */
  exit(connection: Connection): void {
    for (const event of connection.subscriptions) removeFrom(this.#subscribers, event, connection);
    for (const room of connection.rooms) removeFrom(this.#rooms, room, connection);
  }

  /** The connections that a broadcast reaches at this moment. */
  of(event: string, target: BroadcastTarget | undefined): Connection[] {
    const subscribers = this.#subscribers.get(event);
    if (subscribers === undefined) return [];
    if (target === undefined) return [...subscribers];
    const { room } = target;
    const members = room === undefined ? subscribers : (this.#rooms.get(room) ?? new Set<Connection>());
    const only = target.to === undefined ? undefined : idsOf(target.to);
    const except = target.except === undefined ? undefined : idsOf(target.except);
    return [...members].filter(
      (connection) =>
        subscribers.has(connection) &&
        (only === undefined || only.has(connection.id)) &&
        except?.has(connection.id) !== true,
    );
  }

  clear(): void {
    this.#subscribers.clear();
    this.#rooms.clear();
  }
}

function addTo(index: LazyMap<string, Set<Connection>>, name: string, connection: Connection): void {
  const members = index.get(name);
  if (members === undefined) index.set(name, new Set([connection]));
  else members.add(connection);
}

function removeFrom(index: LazyMap<string, Set<Connection>>, name: string, connection: Connection): void {
  const members = index.get(name);
  members?.delete(connection);
  if (members?.size === 0) index.delete(name);
}

type Recipients = NonNullable<BroadcastTarget["to"]>;

function idsOf(recipients: Recipients): ReadonlySet<string> {
  const list = Array.isArray(recipients) ? recipients : [recipients];
  return new Set(list.map(idOf));
}

function idOf(recipient: unknown): string {
  if (typeof recipient === "string") return recipient;
  const id: unknown = typeof recipient === "object" && recipient !== null ? Reflect.get(recipient, "id") : "";
  if (typeof id === "string" && id !== "") return id;
  throw new HoldfastError("event", "invalid_target", "A broadcast is addressed to connections or their ids");
}
