import { HoldfastError } from "@holdfast/core";
import type { ActorDatabase, DatabaseProvider, RawAccess } from "../../database/database.ts";
import type { KvBuffer } from "../kv/kv-buffer.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { HotRecords, Part } from "../lifecycle/part.ts";
import { Access } from "./access.ts";
import { Coordinator } from "./coordinator.ts";
import { closedError } from "./errors.ts";
import { LateExecutor } from "./late-executor.ts";
import { NativeDatabase } from "./native.ts";

/** The actor whose database it is. */
export interface DatabaseDependencies
  extends Pick<ActorCore, "host" | "id" | "inTransaction" | "log" | "phase" | "ports" | "queue" | "turn"> {
  readonly kv: KvBuffer;
}

/** Migrations may take longer than other transactions. */
const migrationTimeoutMs = 300_000;

/**
 * `c.db` of one running actor. Where the definition has a `db`, or the actor has used one before, it is
 * opened at the start; otherwise when it is first used, so that an actor that never does has no file.
 */
export class DatabasePart implements Part {
  readonly #actor: DatabaseDependencies;
  readonly #provider: DatabaseProvider<unknown> | undefined;
  #database: ActorDatabase | undefined;
  #coordinator: Coordinator | undefined;
  #opening: Promise<Coordinator> | undefined;
  #client: unknown;
  /** What the provider makes its client of. */
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
    if (this.#closed || this.#actor.phase.sealed) throw closedError();
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
    const actor = this.#actor;
    const release = actor.queue.holdOpen();
    try {
      await actor.queue.landed();
      const coordinator = await this.#open(actor.phase.unborn);
      if (actor.inTransaction) this.savepoint();
      return coordinator;
    } finally {
      actor.ports.tasks.macrotask(release);
    }
  }

  async #open(isNew: boolean): Promise<Coordinator> {
    const { host, id, queue } = this.#actor;
    const database = await host.store.databases.open(id, queue.epoch, isNew);
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

  /** The statements of `onMigrate` go through the client, inside one savepoint. */
  async #migrate(coordinator: Coordinator, provider: DatabaseProvider<unknown>): Promise<void> {
    const { onMigrate } = provider;
    if (onMigrate === undefined) return;
    await coordinator.around(
      () => this.#actor.turn.enter(() => onMigrate.call(provider, this.#client)),
      migrationTimeoutMs,
    );
    this.#actor.queue.close();
  }

  /** Whether SQL has written since the last call. */
  takeWrote(): boolean {
    const wrote = this.#coordinator?.wrote === true;
    if (wrote && this.#coordinator !== undefined) this.#coordinator.wrote = false;
    return wrote;
  }

  savepoint(): void {
    if (this.#database === undefined || this.#actor.phase.sealed) return;
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
      this.#actor.log.debug("savepoint of a transaction is gone", { error });
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
