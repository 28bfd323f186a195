import { HoldfastError } from "@holdfast/core";
import type { ActorDatabase, DatabaseProvider, RawAccess } from "../../database/database.ts";
import type { KvBuffer } from "../kv/kv-buffer.ts";
import type { HotRecords, Part } from "../lifecycle/part.ts";
import type { RunningActor } from "../lifecycle/running-actor.ts";
import { Access } from "./access.ts";
import { Coordinator } from "./coordinator.ts";
import { closedError } from "./errors.ts";
import { LateExecutor } from "./late-executor.ts";
import { NativeDatabase } from "./native.ts";

/** The actor whose database it is. */
export interface DatabaseOwner extends RunningActor {
  readonly kv: KvBuffer;
  /** True until the commit that creates the actor is handed in. */
  readonly unborn: boolean;
}

/** Migrations may take longer than other transactions. */
const migrationTimeoutMs = 300_000;

/**
 * `c.db` of one running actor. Where the definition has a `db`, or the actor has used one before, it is
 * opened at the start; otherwise when it is first used, so that an actor that never does has no file.
 */
export class DatabasePart implements Part {
  readonly #runtime: DatabaseOwner;
  readonly #provider: DatabaseProvider<unknown> | undefined;
  readonly #epoch: number;
  #database: ActorDatabase | undefined;
  #coordinator: Coordinator | undefined;
  #opening: Promise<Coordinator> | undefined;
  #client: unknown;
  /** What the provider makes its client of. */
  #access: Access | undefined;
  #inSavepoint = false;
  #closed = false;
  #stopped = false;

  constructor(runtime: DatabaseOwner, provider: DatabaseProvider<unknown> | undefined, epoch: number) {
    this.#runtime = runtime;
    this.#provider = provider;
    this.#epoch = epoch;
  }

  /** Throws `db.closed` before the database of a provider is open. */
  get client(): unknown {
    if (this.#provider === undefined) this.#client ??= new Access(new LateExecutor(this));
    else if (this.#coordinator === undefined) throw closedError();
    return this.#client;
  }

  /** SQL without the client of the provider; undefined before the database is open. */
  get access(): RawAccess | undefined {
    return this.#access;
  }

  /** All SQL goes through it; undefined before the database is open. */
  get coordinator(): Coordinator | undefined {
    return this.#coordinator;
  }

  /** Throws `db.closed`. */
  assertOpen(): void {
    if (this.#closed || this.#runtime.sealed) throw closedError();
  }

  close(): void {
    this.#closed = true;
    this.#coordinator?.close();
  }

  /** Opens the database at its first use. A failure is told to those who wait, and the next one tries again. */
  opened(): Promise<Coordinator> {
    if (this.#coordinator !== undefined) return Promise.resolve(this.#coordinator);
    this.#opening ??= this.#openLate().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Resolves when what has been asked of it up to here has run. How that went is told to who asked. */
  async settled(): Promise<void> {
    while (this.#opening !== undefined) await this.#opening.catch(() => {});
    await this.#coordinator?.idle();
  }

  /**
   * What the store has of the actor moves beside its database: nothing may be on its way meanwhile. The
   * turn that is open stays open until the statements that wait have run, and commits with them.
   */
  async #openLate(): Promise<Coordinator> {
    const runtime = this.#runtime;
    const release = runtime.queue.holdOpen();
    try {
      await runtime.queue.landed();
      const coordinator = await this.#open(runtime.unborn);
      if (runtime.inTransaction) this.savepoint();
      return coordinator;
    } finally {
      runtime.ports.tasks.macrotask(release);
    }
  }

  async #open(isNew: boolean): Promise<Coordinator> {
    const { host, id } = this.#runtime;
    const database = await host.store.databases.open(id, this.#epoch, isNew);
    if (this.#stopped) {
      database.close();
      throw closedError();
    }
    this.#database = database;
    const coordinator = new Coordinator(
      this.#runtime,
      database,
      this.#provider?.warnOnManualTransactions ?? true,
    );
    this.#access = new Access(coordinator);
    this.#coordinator = coordinator;
    return coordinator;
  }

  async load(_hot: HotRecords, isNew: boolean): Promise<void> {
    const coordinator = await this.#open(isNew);
    const access = this.#access;
    if (this.#provider === undefined || access === undefined) return;
    const runtime = this.#runtime;
    this.#client = await this.#provider.createClient({
      actorId: runtime.id,
      log: runtime.log,
      database: access,
      nativeDatabaseProvider: { open: async () => new NativeDatabase(access) },
      get kv() {
        return runtime.kv;
      },
    });
    await this.#migrate(coordinator, this.#provider);
  }

  /** The statements of `onMigrate` go through the client, inside one savepoint. */
  async #migrate(coordinator: Coordinator, provider: DatabaseProvider<unknown>): Promise<void> {
    const { onMigrate } = provider;
    if (onMigrate === undefined) return;
    await coordinator.around(
      () => this.#runtime.enter(() => onMigrate.call(provider, this.#client)),
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
    this.#endSavepoint((database) => database.release("turn"));
  }

  rollback(): void {
    if (!this.#inSavepoint) return;
    this.#inSavepoint = false;
    this.#coordinator?.undone();
    this.#endSavepoint((database) => database.rollback("turn"));
  }

  /** Where SQLite has undone the transaction around it, the commit of the turn fails with that. */
  #endSavepoint(end: (database: ActorDatabase) => void): void {
    try {
      if (this.#database !== undefined) end(this.#database);
    } catch (error) {
      this.#runtime.log.debug("savepoint of a transaction is gone", { error });
    }
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
