import { HoldfastError } from "@holdfast/core";
import type { ActorDatabase, DatabaseProvider, DatabaseStore, RawAccess } from "../../database.ts";
import type { HotRecords, Part } from "../part.ts";
import type { Runtime } from "../runtime.ts";
import { Access } from "./access.ts";
import { Coordinator } from "./coordinator.ts";
import { closedError } from "./errors.ts";
import { NativeDatabase } from "./native.ts";

/** Migrations may take longer than other transactions. */
const migrationTimeoutMs = 300_000;

/** `c.db` of one running actor. */
export class DatabasePart implements Part {
  readonly #runtime: Runtime;
  readonly #provider: DatabaseProvider<unknown>;
  readonly #databases: DatabaseStore;
  readonly #epoch: number;
  #database: ActorDatabase | undefined;
  #coordinator: Coordinator | undefined;
  #client: unknown;
  /** What the provider makes its client of. */
  #access: Access | undefined;
  #inSavepoint = false;
  #stopped = false;

  constructor(
    runtime: Runtime,
    provider: DatabaseProvider<unknown>,
    databases: DatabaseStore,
    epoch: number,
  ) {
    this.#runtime = runtime;
    this.#provider = provider;
    this.#databases = databases;
    this.#epoch = epoch;
  }

  /** Throws `db.closed` before the database is open. */
  get client(): unknown {
    if (this.#coordinator === undefined) throw closedError();
    return this.#client;
  }

  /** SQL without the client of the provider; undefined before the database is open. */
  get access(): RawAccess | undefined {
    return this.#access;
  }

  async load(_hot: HotRecords, isNew: boolean): Promise<void> {
    const database = await this.#databases.open(this.#runtime.id, this.#epoch, isNew);
    if (this.#stopped) {
      database.close();
      throw closedError();
    }
    this.#database = database;
    const { warnOnManualTransactions = true } = this.#provider;
    this.#coordinator = new Coordinator(this.#runtime, database, warnOnManualTransactions);
    const access = new Access(this.#coordinator);
    const runtime = this.#runtime;
    this.#access = access;
    this.#client = await this.#provider.createClient({
      actorId: this.#runtime.id,
      log: this.#runtime.log,
      database: access,
      nativeDatabaseProvider: { open: async () => new NativeDatabase(access) },
      get kv() {
        return runtime.kv;
      },
    });
    await this.#migrate(this.#coordinator);
  }

  /** The statements of `onMigrate` go through the client, inside one savepoint. */
  async #migrate(coordinator: Coordinator): Promise<void> {
    const { onMigrate } = this.#provider;
    if (onMigrate === undefined) return;
    await coordinator.around(
      () => this.#runtime.enter(() => onMigrate.call(this.#provider, this.#client)),
      migrationTimeoutMs,
    );
    this.#runtime.queue.close();
  }

  /** Whether SQL has written since the last call. */
  takeWrote(): boolean {
    const wrote = this.#coordinator?.wrote === true;
    if (wrote && this.#coordinator !== undefined) this.#coordinator.wrote = false;
    return wrote;
  }

  savepoint(): void {
    if (this.#database === undefined || this.#runtime.sealed) return;
    this.#database.savepoint("turn");
    this.#inSavepoint = true;
  }

  keep(): void {
    if (!this.#inSavepoint) return;
    this.#inSavepoint = false;
    this.#database?.release("turn");
  }

  rollback(): void {
    if (!this.#inSavepoint) return;
    this.#inSavepoint = false;
    this.#coordinator?.undone();
    this.#database?.rollback("turn");
  }

  /** No SQL is taken any more: transactions that are open are undone. */
  sealed(): void {
    this.#coordinator?.close();
  }

  stopped(): void {
    this.#stopped = true;
    this.#coordinator?.close();
    this.#database?.close();
  }
}

/** The provider of a definition whose types are erased. */
export function providerOf(value: unknown): DatabaseProvider<unknown> {
  if (isProvider(value)) return value;
  throw new HoldfastError("actor", "invalid_definition", '"db" is not made with db()');
}

function isProvider(value: unknown): value is DatabaseProvider<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "createClient" in value &&
    typeof value.createClient === "function"
  );
}
