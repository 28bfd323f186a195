import type { Watching } from "../inspect/watching.ts";
import type { Connection } from "./connection.ts";

/**
 * The connections of an actor by their ids, which user code sees as `c.conns`. They come and go with their
 * clients alone: who changes the map as a map is told so, where a connection that was only taken out of it
 * would go on, and nobody would hear of its end. Tells who watches the actor of those that come and go.
 */
export class ConnectionMap extends Map<string, Connection> {
  readonly #inspection: () => { readonly watching: Watching } | undefined;

  constructor(inspection: () => { readonly watching: Watching } | undefined) {
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

  /** The actor is gone, and with it whoever watched it. */
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
