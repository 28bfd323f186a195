import type { Ports, Timer } from "@holdfast/core";
import { ConnectionLost } from "@holdfast/store-kit";
import pg from "pg";
import { failureOf } from "../errors.ts";
import type { Row } from "../rows.ts";
import { isPooled } from "./is-pooled.ts";
import { type PreparedNames, type Statement, TransactionQuery } from "./transaction-query.ts";

/** Settings shared by the connections of a store. */
export interface ConnectionSettings {
  readonly client: pg.ClientConfig;
  readonly ports: Ports;
  readonly statementTimeoutMs: number;
  /** Whether statements are prepared also where a pooler switches server connections between transactions. */
  readonly preparesBehindPooler: boolean;
  /** Becomes false where a pooler does not keep prepared statements. */
  prepares: boolean;
}

interface Pending {
  isSent: boolean;
  fail(error: unknown): void;
  readonly answer: Promise<readonly Row[]>;
}

/**
 * A connection that pipelines transactions: each is sent immediately, and the server answers in order. Behind a pooler, each
 * is sent when the one before it is answered: a pooler that gets one in parts may give its server to somebody else in
 * between, whose commit would be that of half a transaction.
 *
 * Connects on first use, and again after a loss, which fails all unanswered transactions with `ConnectionLost`.
 */
export class Connection {
  readonly #settings: ConnectionSettings;
  #client: pg.Client | undefined;
  #prepared: PreparedNames = new Map();
  #isConnected = false;
  #isPooled = false;
  /** Sent once the connection is open. */
  #unsent: (() => void)[] = [];
  /** Sent one by one, behind a pooler. */
  #waiting: (() => void)[] = [];
  #isBusy = false;
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

  get state(): "closed" | "opening" | "open" {
    if (this.#client === undefined) return "closed";
    return this.#isConnected ? "open" : "opening";
  }

  /** Runs the statements as one transaction. Resolves with their rows once it is committed. */
  transaction(statements: readonly Statement[]): Promise<readonly Row[]> {
    const { promise: answer, resolve, reject } = Promise.withResolvers<readonly Row[]>();
    const pending: Pending = { isSent: false, fail: reject, answer };
    this.#pending.add(pending);
    const send = () => {
      pending.isSent = true;
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
    if (this.#isConnected) this.#submit(send);
    else {
      this.#unsent.push(send);
      this.open();
    }
    return answer;
  }

  #submit(send: () => void): void {
    if (this.#isPooled && this.#isBusy) {
      this.#waiting.push(send);
      return;
    }
    this.#isBusy = true;
    send();
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

  /** Connects ahead of the first transaction. */
  open(): void {
    if (this.#client !== undefined) return;
    const client = new pg.Client({ ...this.#settings.client, pipeline: true } as pg.ClientConfig);
    this.#client = client;
    this.#prepared = new Map();
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, new Error("The server closed the connection")));
    this.#connect(client).catch((error: unknown) => this.#lost(client, error));
  }

  async #connect(client: pg.Client): Promise<void> {
    await client.connect();
    const pooled = await isPooled(client, this.#settings.statementTimeoutMs);
    if (this.#client !== client) return;
    this.#isPooled = pooled;
    this.#isBusy = false;
    this.#isConnected = true;
    if (pooled) {
      if (!this.#settings.preparesBehindPooler) this.#settings.prepares = false;
      onReadyForQuery(client, () => {
        if (this.#client !== client) return;
        this.#isBusy = false;
        const next = this.#waiting.shift();
        if (next !== undefined) this.#submit(next);
      });
    }
    for (const send of this.#unsent.splice(0)) this.#submit(send);
  }

  #lost(client: pg.Client, cause: unknown): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#isConnected = false;
    this.#unsent = [];
    this.#waiting = [];
    this.#watchdog?.cancel();
    this.#watchdog = undefined;
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const { isSent, fail } of pending) fail(new ConnectionLost(isSent, cause));
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
    if (this.#waiting.length > 0) await Promise.allSettled([...this.#pending].map(({ answer }) => answer));
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

/** Calls `listener` each time the server has answered a transaction, also one that failed. */
function onReadyForQuery(client: pg.Client, listener: () => void): void {
  const { connection } = client as unknown as { readonly connection: NodeJS.EventEmitter };
  connection.on("readyForQuery", listener);
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
