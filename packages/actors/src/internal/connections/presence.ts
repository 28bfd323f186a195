import { HoldfastError } from "@holdfast/core";
import type { ActorPresence } from "../../types.ts";
import { copyValue } from "../state/value.ts";
import { Connection } from "./connection.ts";

/** The event that reports presence to subscribers; clients listen with `onPresence`. */
export const presenceEvent = "$presence";

type Identity = { readonly id: string } | string;

/** The connections that presence works with. */
export interface PresenceSource {
  readonly all: ReadonlyMap<string, Connection>;
  broadcastPresence(args: readonly unknown[]): void;
  presenceChanged(connection: Connection): void;
}

/** Presence: at most one value per connection, removed with it. */
export class Presence implements ActorPresence {
  readonly #source: PresenceSource;

  constructor(source: PresenceSource) {
    this.#source = source;
  }

  set(conn: Identity, value: unknown): void {
    const connection = this.#connection(conn);
    connection.presence = [copyValue(value, [], (item) => item)];
    this.#source.presenceChanged(connection);
    this.#source.broadcastPresence(["set", connection.id, value]);
  }

  delete(conn: Identity): boolean {
    const connection = this.#find(conn);
    if (connection === undefined || connection.presence.length === 0) return false;
    connection.presence = [];
    this.#source.presenceChanged(connection);
    this.#source.broadcastPresence(["left", connection.id]);
    return true;
  }

  get(conn: Identity): unknown {
    return this.#find(conn)?.presence[0];
  }

  get all(): ReadonlyMap<string, unknown> {
    return new Map(this.entries());
  }

  entries(): [string, unknown][] {
    const entries: [string, unknown][] = [];
    for (const { id, presence } of this.#source.all.values()) {
      if (presence.length > 0) entries.push([id, presence[0]]);
    }
    return entries;
  }

  #find(conn: Identity): Connection | undefined {
    return this.#source.all.get(typeof conn === "string" ? conn : conn.id);
  }

  #connection(conn: Identity): Connection {
    const connection = this.#find(conn);
    if (connection instanceof Connection && connection.sink !== undefined) return connection;
    throw new HoldfastError("conn", "not_connected", "Only a live connection can be present", {
      statusCode: 409,
    });
  }
}
