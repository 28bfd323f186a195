import { HoldfastError } from "@holdfast/core";
import type { ActorDatabase, DatabaseProvider, RawAccess } from "../../database/database.ts";
import type { KvBuffer } from "../kv/kv-buffer.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { HotRecords, Part } from "../lifecycle/part.ts";
import { Access } from "./access.ts";
import { Coordinator } from "./coordinator.ts";
import { closedError, openedLate } from "./errors.ts";
import { LazyExecutor } from "./lazy-executor.ts";
import { NativeDatabase } from "./native.ts";

/** The actor that owns the database. */
export interface DatabaseDependencies
  extends Pick<
    ActorCore,
    "errors" | "host" | "id" | "inTransaction" | "log" | "phase" | "ports" | "queue" | "turn"
  > {
  readonly kv: KvBuffer;
}

/** Migrations may take longer than other transactions. */
const migrationTimeoutMs = 300_000;

/**
 * `c.db` of one running actor. Opened at the start if the definition has a `db` or the actor has used one before;
 * otherwise opened on first use, so that an actor without SQL has no file.
 */
export class DatabasePart implements Part {
  readonly #actor: DatabaseDependencies;
  readonly #provider: DatabaseProvider<unknown> | undefined;
  #database: ActorDatabase | undefined;
  #coordinator: Coordinator | undefined;
  #opening: Promise<Coordinator> | undefined;
  #client: unknown;
  /** The client that the provider creates. */
  #access: Access | undefined;
  #inSavepoint = false;
  #closed = false;
  #stopped = false;

  constructor(actor: DatabaseDependencies, provider: DatabaseProvider<unknown> | undefined) {
    this.#actor = actor;
    this.#provider = provider;
  }

  /** Throws `db.closed` before the database of a provider is open. */
  get client(): unknown {
    if (this.#provider === undefined) this.#client ??= new Access(new LazyExecutor(this));
    else if (this.#coordinator === undefined) throw closedError();
    return this.#client;
  }

  /** SQL access without the provider's client; undefined before the database is open. */
  get access(): RawAccess | undefined {
    return this.#access;
  }

  /** Orders all SQL; undefined before the database is open. */
  get coordinator(): Coordinator | undefined {
    return this.#coordinator;
  }

  /** Throws `db.closed`. */
  assertOpen(): void {
    if (this.#closed || this.#actor.phase.sealed) throw closedError();
  }

  close(): void {
    this.#closed = true;
    this.#coordinator?.close();
  }

  /** Opens the database on first use. A failure rejects the waiting callers, and the next call tries again. */
  ensureOpen(): Promise<Coordinator> {
    if (this.#coordinator !== undefined) return Promise.resolve(this.#coordinator);
    this.#opening ??= this.#openOnDemand().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Resolves when all earlier SQL has run; its callers receive the results. */
  async settled(): Promise<void> {
    while (this.#opening !== undefined) await this.#opening.catch(() => {});
    await this.#coordinator?.idle();
  }

  /**
   * The store moves the actor's data together with its database, so no commit may be in progress. The open turn
   * includes the waiting statements and commits with them.
   */
  async #openOnDemand(): Promise<Coordinator> {
    const actor = this.#actor;
    const release = actor.queue.holdOpen();
    try {
      await actor.queue.landed();
      const coordinator = await this.#open(actor.phase.isCreationPending);
      if (actor.inTransaction && this.transaction !== undefined) throw openedLate();
      if (actor.inTransaction) this.savepoint();
      return coordinator;
    } finally {
      actor.ports.tasks.macrotask(release);
    }
  }

  async #open(isNew: boolean): Promise<Coordinator> {
    const { host, id, queue, errors } = this.#actor;
    const opening = host.store.databases.open(id, queue.epoch, isNew);
    const database = await opening.catch((error: unknown) => {
      // About this actor, also if it names another owner.
      throw errors.fromStore(error);
    });
    if (this.#stopped) {
      database.close();
      throw closedError();
    }
    this.#database = database;
    const coordinator = new Coordinator(
      this.#actor,
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
    const actor = this.#actor;
    this.#client = await this.#provider.createClient({
      actorId: actor.id,
      log: actor.log,
      database: access,
      nativeDatabaseProvider: { open: async () => new NativeDatabase(access) },
      get kv() {
        return actor.kv;
      },
    });
    await this.#migrate(coordinator, this.#provider);
  }

  /** The statements of `onMigrate` go through the client, within one savepoint. */
  async #migrate(coordinator: Coordinator, provider: DatabaseProvider<unknown>): Promise<void> {
    const { onMigrate } = provider;
    if (onMigrate === undefined) return;
    await coordinator.runMigrations(
      () => this.#actor.turn.enter(() => onMigrate.call(provider, this.#client)),
      migrationTimeoutMs,
    );
    this.#actor.queue.close();
  }

  /** Returns true if SQL has written since the last call. */
  takeHasWritten(): boolean {
    const wrote = this.#coordinator?.hasWritten === true;
    if (wrote && this.#coordinator !== undefined) this.#coordinator.hasWritten = false;
    return wrote;
  }

  /** Of a store that has transactions instead of savepoints. */
  get transaction(): ActorDatabase["transaction"] {
    const database = this.#database;
    return database?.transaction && ((work) => database.transaction?.(work) ?? work());
  }

  savepoint(): void {
    if (this.#database === undefined || this.#actor.phase.sealed) return;
    if (this.#database.transaction !== undefined) return;
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
    this.#coordinator?.transactionLost();
    this.#endSavepoint((database) => database.rollback("turn"));
  }

  /** If SQLite has rolled back the enclosing transaction, the commit of the turn fails with that error. */
  #endSavepoint(end: (database: ActorDatabase) => void): void {
    try {
      if (this.#database !== undefined) end(this.#database);
    } catch (error) {
      this.#actor.log.debug("savepoint of a transaction no longer exists", { error });
    }
  }

  /** Rejects further SQL and rolls back open transactions. */
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
  throw new HoldfastError("actor", "invalid_definition", '"db" was not created with db()');
}

function isProvider(value: unknown): value is DatabaseProvider<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "createClient" in value &&
    typeof value.createClient === "function"
  );
}
