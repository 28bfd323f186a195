import type { Ports, Timer } from "@holdfast/core";
import pg from "pg";
import { ConnectionLost, failureOf } from "../errors.ts";
import type { Row } from "../rows.ts";
import { isPooled } from "./is-pooled.ts";
import { type PreparedNames, type Statement, TransactionQuery } from "./transaction-query.ts";

/** Settings shared by the connections of a store. */
export interface ConnectionSettings {
  readonly client: pg.ClientConfig;
  readonly ports: Ports;
  readonly statementTimeoutMs: number;
  /** Becomes false when a pooler turns out not to keep prepared statements. */
  prepares: boolean;
  /** Becomes false when there is a pooler in between. */
  pipelines: boolean;
}

interface Pending {
  fail(error: unknown): void;
}

/**
 * A connection that pipelines transactions: each is sent immediately, and the server answers in order; behind a pooler,
 * each is sent when the one before it is answered. Connects on
 * first use, and again after a loss, which fails all unanswered transactions with `ConnectionLost`.
 */
export class Connection {
  readonly #settings: ConnectionSettings;
  #client: pg.Client | undefined;
  #prepared: PreparedNames = new Map();
  #isConnected = false;
  /** Sent once the connection is open. */
  #unsent: (() => void)[] = [];
  readonly #pending = new Set<Pending>();
  #watchdog: Timer | undefined;
  #answers = 0;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
  }

  /** Number of unanswered transactions. */
  get load(): number {
    return this.#pending.size;
  }

  /** Runs the statements as one transaction. Resolves with their rows once it is committed. */
  transaction(statements: readonly Statement[]): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => {
      const pending: Pending = { fail: reject };
      this.#pending.add(pending);
      const send = () => {
        const prepared = this.#settings.prepares ? this.#prepared : undefined;
        const query = new TransactionQuery(statements, prepared, (error, rows) => {
          if (!this.#pending.delete(pending)) return;
          this.#answers += 1;
          if (error === undefined) return resolve(rows);
          this.#detectPooler(error);
          const isOver = isLost(error);
          reject(isOver ? new ConnectionLost(true, error) : error);
          if (isOver && client !== undefined) this.#lost(client, error);
        });
        const client = this.#client;
        client?.query(query as unknown as pg.Submittable);
        this.#watch();
      };
      if (this.#isConnected) return send();
      this.#unsent.push(send);
      this.#open();
    });
  }

  /**
   * A pooler that switches server connections between transactions loses prepared statements. No connection uses them
   * from then on.
   */
  #detectPooler(error: unknown): void {
    if (failureOf(error) !== "unprepared" || !this.#settings.prepares) return;
    this.#settings.prepares = false;
    this.#settings.ports.log.info("prepared statements switched off: the pooler does not keep them");
  }

  #open(): void {
    if (this.#client !== undefined) return;
    const { pipelines: pipeline } = this.#settings;
    const client = new pg.Client({ ...this.#settings.client, pipeline } as pg.ClientConfig);
    this.#client = client;
    this.#prepared = new Map();
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, new Error("The server closed the connection")));
    this.#connect(client, pipeline).catch((error: unknown) => this.#lost(client, error));
  }

  /**
   * Behind a pooler, one transaction waits for the answer to the one before it: a pooler that gets the next one in parts
   * may give its server to somebody else in between, and half of a transaction would be committed by that one's.
   */
  async #connect(client: pg.Client, isPipelined: boolean): Promise<void> {
    await client.connect();
    if (!isPipelined || !(await isPooled(client, this.#settings.statementTimeoutMs)))
      return this.#opened(client);
    if (this.#settings.pipelines)
      this.#settings.ports.log.info("pipelines switched off: there is a pooler before the database");
    this.#settings.pipelines = false;
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#open();
    await client.end().catch(() => {});
  }

  #opened(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#isConnected = true;
    for (const send of this.#unsent.splice(0)) send();
  }

  #lost(client: pg.Client, cause: unknown): void {
    if (this.#client !== client) return;
    const sent = this.#isConnected;
    this.#client = undefined;
    this.#isConnected = false;
    this.#unsent = [];
    this.#watchdog?.cancel();
    this.#watchdog = undefined;
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const { fail } of pending) fail(new ConnectionLost(sent, cause));
    discard(client);
  }

  /** Drops the connection when the server answers nothing for too long: a broken network reports no error. */
  #watch(): void {
    if (this.#watchdog !== undefined) return;
    const client = this.#client;
    const answers = this.#answers;
    this.#watchdog = this.#settings.ports.tasks.after(this.#settings.statementTimeoutMs, () => {
      this.#watchdog = undefined;
      if (client === undefined || this.#pending.size === 0) return;
      if (this.#answers !== answers) return this.#watch();
      this.#lost(client, new Error("The database did not answer in time"));
    });
  }

  /** Waits for all answers, then closes. */
  async close(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    if (!this.#isConnected) return this.#lost(client, new Error("The store was closed"));
    this.#client = undefined;
    this.#isConnected = false;
    this.#watchdog?.cancel();
    // A server that hangs never says that it has closed the connection.
    const timer = this.#settings.ports.tasks.after(this.#settings.statementTimeoutMs, () => discard(client));
    await client.end();
    timer.cancel();
  }
}

/** True for errors with which the server ends the session. A commit before it may have succeeded. */
function isLost(error: unknown): boolean {
  return !(error instanceof ConnectionLost) && failureOf(error) === "lost";
}

/** Ends a connection at once: `end` would wait for answers that never come. */
export function discard(client: pg.Client): void {
  const { connection } = client as unknown as { readonly connection?: { readonly stream?: unknown } };
  const stream = connection?.stream as { destroy?: () => void } | undefined;
  stream?.destroy?.();
}
