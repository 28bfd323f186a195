import type { WatcherRegistry } from "../inspect/watching.ts";
import type { Connection } from "./connection.ts";

/**
 * The connections of an actor by id, as user code sees them in `c.conns`. User code cannot modify the map, because
 * removing an entry would not end the connection. Notifies watchers of the actor about connections that come and go.
 */
export class ConnectionMap extends Map<string, Connection> {
  readonly #inspection: () => { readonly watching: WatcherRegistry } | undefined;

  constructor(inspection: () => { readonly watching: WatcherRegistry } | undefined) {
    super();
    this.#inspection = inspection;
  }

  enter(connection: Connection): void {
    super.set(connection.id, connection);
    this.#inspection()?.watching.connectionsChanged();
  }

  remove(id: string): void {
    if (super.delete(id)) this.#inspection()?.watching.connectionsChanged();
  }

  /** Removes all connections without notifying: the actor and its watchers are gone. */
  removeAll(): void {
    super.clear();
  }

  override set(): never {
    throw readOnly();
  }

  override delete(): never {
    throw readOnly();
  }

  override clear(): never {
    throw readOnly();
  }
}

function readOnly(): TypeError {
  return new TypeError("c.conns is read-only: connections come with their clients and end with disconnect()");
}
