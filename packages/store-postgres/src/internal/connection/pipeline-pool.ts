import type { Timer } from "@holdfast/core";
import { postgresStoreLimits as limits } from "../../limits.ts";
import { Connection, type ConnectionSettings } from "./connection.ts";

/** Unanswered transactions of a connection at which another one is opened. */
const crowdedAt = 2;

/**
 * Connections that each pipeline the transactions of many. The first is opened on use, and another one when all open
 * ones are busy: a new session costs the server more than the few transactions of a quiet node. Nothing waits for a
 * connection that opens while another one is open.
 */
export class PipelinePool {
  readonly #settings: ConnectionSettings;
  readonly #connections: readonly Connection[];
  /** Runs for a while after another connection was opened: a server that refuses more is not asked all the time. */
  #pause: Timer | undefined;

  constructor(settings: ConnectionSettings, size: number) {
    if (size < 1) throw new Error("The store has no connections");
    this.#settings = settings;
    this.#connections = Array.from({ length: size }, () => new Connection(settings));
  }

  /** The open connection with the fewest unanswered transactions. */
  choose(): Connection {
    const [first, ...others] = this.#connections as [Connection, ...Connection[]];
    let best = first;
    let closed: Connection | undefined;
    for (const connection of others) {
      if (connection.state === "closed") closed ??= connection;
      else if (isBetter(connection, best)) best = connection;
    }
    const isCrowded = best.state === "open" && best.load >= crowdedAt;
    if (closed !== undefined && isCrowded && this.#pause === undefined) this.#open(closed);
    return best;
  }

  #open(connection: Connection): void {
    this.#pause = this.#settings.ports.tasks.after(limits.openConnectionMs, () => {
      this.#pause = undefined;
    });
    connection.open();
  }

  async close(): Promise<void> {
    this.#pause?.cancel();
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}

const ranks = { open: 0, opening: 1, closed: 2 } as const;

function isBetter(one: Connection, other: Connection): boolean {
  if (one.state !== other.state) return ranks[one.state] < ranks[other.state];
  return one.load < other.load;
}
