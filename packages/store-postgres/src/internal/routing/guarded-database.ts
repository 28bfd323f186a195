import {
  HoldfastError,
  isErrorCode,
  isHoldfastError,
  type LogFields,
  type Ports,
  type Timer,
} from "@holdfast/core";
import { closed } from "@holdfast/store-kit";
import { postgresStoreLimits as limits } from "../../limits.ts";
import type { PostgresStore } from "../../types.ts";

/** The store in one database. */
export interface SingleStore extends PostgresStore {
  /** Asks the server once for an answer, without retries. */
  ping(): Promise<void>;
}

/**
 * One database of several, and whether it can be reached. Once a read has failed for as long as reads are retried, later
 * ones fail at once, so that those who wait for this database do not take the places of others; a probe notices when it
 * is back. Commits are not refused: they have a queue and retries of their own.
 */
export class GuardedDatabase {
  readonly store: SingleStore;
  /** See {@link databaseName}. */
  readonly name: string;
  readonly #address: string;
  readonly #ports: Ports;
  #outage: unknown;
  #timer: Timer | undefined;
  #isClosed = false;

  /** `address` is for the log. */
  constructor(store: SingleStore, name: string, address: string, ports: Ports) {
    this.store = store;
    this.name = name;
    this.#address = address;
    this.#ports = ports;
  }

  get isAvailable(): boolean {
    return this.#outage === undefined;
  }

  /** Reads from the database. Throws `store.unavailable` at once while it cannot be reached. */
  async read<T>(work: (store: SingleStore) => Promise<T>): Promise<T> {
    this.#assertAvailable();
    try {
      return await work(this.store);
    } catch (error) {
      if (isErrorCode(error, "store", "unavailable")) this.#lost(error);
      throw inDatabase(error, this.name);
    }
  }

  /** Other work than reads; its failure says nothing about the database. */
  async run<T>(work: (store: SingleStore) => Promise<T>): Promise<T> {
    this.#assertAvailable();
    return this.always(work);
  }

  /** As `run`, also while the database cannot be reached. Calls `work` synchronously. */
  always<T>(work: (store: SingleStore) => Promise<T>): Promise<T> {
    return work(this.store).catch((error: unknown) => {
      throw inDatabase(error, this.name);
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    return this.store.close();
  }

  get #fields(): LogFields {
    return { database: this.name, address: this.#address };
  }

  #assertAvailable(): void {
    if (this.#isClosed) throw closed();
    if (this.#outage !== undefined) throw inDatabase(this.#outage, this.name);
  }

  #lost(error: unknown): void {
    if (this.#outage !== undefined || this.#isClosed) return;
    this.#outage = error;
    this.#ports.log.warn("a database cannot be reached; its actors wait", { ...this.#fields, error });
    this.#probe();
  }

  #probe(): void {
    this.#timer = this.#ports.tasks.after(limits.outageProbeMs, () => {
      this.store.ping().then(
        () => {
          this.#outage = undefined;
          if (!this.#isClosed) this.#ports.log.info("a database is back", this.#fields);
        },
        () => {
          if (!this.#isClosed) this.#probe();
        },
      );
    });
  }
}

/** `database 2 of 3`: without its address, because callers of actors see it. */
export function databaseName(at: number, total: number): string {
  return `database ${at + 1} of ${total}`;
}

/** Codes of errors that are about one server. */
const ofServer = new Set([
  "unavailable",
  "indeterminate",
  "full",
  "corrupt",
  "not_durable",
  "format_too_new",
  "foreign_tables",
  "invalid_options",
  "migrate_unfinished",
]);

/** The error with the name of the database, if it is about one. */
export function inDatabase(error: unknown, name: string): unknown {
  if (!isHoldfastError(error) || error.group !== "store" || !ofServer.has(error.code)) return error;
  const { code, statusCode, metadata } = error;
  return new HoldfastError("store", code, `${capitalized(name)}: ${error.message}`, {
    ...{ statusCode, cause: error },
    metadata: { ...(typeof metadata === "object" ? metadata : {}), database: name },
  });
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
