import type {
  ActorStore,
  BlobInfo,
  BlobStore,
  CommitBatch,
  DatabaseStore,
  KvOperation,
  LoadedActor,
} from "@holdfast/actors";
import { HoldfastError, type Ports, silentLogger } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { ProcessDatabases } from "./databases.ts";
import { type Faults, noFaults } from "./faults.ts";
import { Ledger } from "./ledger.ts";
import type { Plant } from "./plants.ts";
import { Lane, type Scheduler, type SimClock } from "./scheduler.ts";
import type { Seeded } from "./seeded.ts";

export interface SimStoreOptions {
  readonly scheduler: Scheduler;
  readonly random: Seeded;
  readonly clock: SimClock;
  readonly plant: Plant | undefined;
  readonly broken: (message: string) => void;
}

/** One call that a process has made, on its way to the data or back. */
interface Call {
  readonly process: StoreProcess;
  readonly actorId: string | undefined;
  readonly isCommit: boolean;
  /** Applies it; what it settles with is told later. */
  apply: (() => void) | undefined;
}

/** How one call goes. */
type Fate = "ok" | "before" | "after" | "limbo" | "full";

type PutRest = Parameters<BlobStore["put"]> extends [string, ...infer Rest] ? Rest : never;

/** The bytes with which keys of records begin: the space of records, then the prefix of a part. */
const recordSpace = 0x00;
const prefix = {
  schedule: 0x02,
  connection: 0x03,
  queueMessage: 0x41,
  outbox: 0x44,
  workflowHistory: 0x60,
} as const;
/** In the history of a workflow: signals that have come. */
const signalSpace = 0x02;

/**
 * The data of a simulated installation. It outlives the processes that use it. A call reaches the data
 * at one time and its caller at a later one; calls that concern one actor reach it in their order.
 */
export class SimStore {
  readonly data: ActorStore;
  readonly ledger: Ledger;
  faults: Faults["store"] = noFaults.store;
  isFull = false;
  readonly #options: SimStoreOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #calls = new Set<Call>();
  /** The SQLite database of each actor that has one, as of its last commit. */
  readonly #databases = new Map<string, Uint8Array>();

  constructor(options: SimStoreOptions) {
    this.#options = options;
    const ports: Ports = {
      clock: options.clock,
      random: options.random,
      // When a call settles is decided here, not by the memory store.
      tasks: { after: () => ({ cancel: () => undefined }), macrotask: (fn) => fn() },
      log: silentLogger,
    };
    this.data = createMemoryStore({ ports });
    this.ledger = new Ledger(options.broken);
  }

  /** Calls that have not come back. */
  get underWay(): number {
    return this.#calls.size;
  }

  /** The view of one process. */
  process(): StoreProcess {
    return new StoreProcess(this);
  }

  /** The process is gone: each of its commits is applied now, later, or never, those of an actor in order. */
  crashed(process: StoreProcess): void {
    const { random, scheduler } = this.#options;
    const stopped = new Set<string>();
    for (const call of [...this.#calls]) {
      if (call.process !== process) continue;
      this.#calls.delete(call);
      const { apply, actorId } = call;
      call.apply = undefined;
      if (apply === undefined || !call.isCommit || actorId === undefined || stopped.has(actorId)) continue;
      if (random.chance(0.4)) apply();
      else {
        stopped.add(actorId);
        // A server that has the commit goes on without the process that sent it.
        if (this.faults.limbo > 0 && random.chance(0.3)) {
          scheduler.after(random.int(1, 2_000), `store late commit ${short(actorId)}`, apply);
        }
      }
    }
  }

  run<T>(
    process: StoreProcess,
    label: string,
    actorId: string | undefined,
    perform: () => Promise<T>,
  ): Promise<T> {
    const isCommit = label.startsWith("commit");
    return new Promise((resolve, reject) => {
      const fate = this.#fate(isCommit);
      const call: Call = { process, actorId, isCommit, apply: undefined };
      const settle = (how: () => void): void => {
        if (process.abandoned) return;
        this.#options.scheduler.after(this.#delayMs(), `store done ${label}`, () => {
          if (!this.#calls.delete(call)) return;
          how();
        });
      };
      const fail = (error: Error): void => settle(() => reject(error));
      call.apply = () => {
        call.apply = undefined;
        if (fate === "before") return fail(unavailable());
        if (fate === "full") return fail(full());
        perform().then(
          (value) => (fate === "after" ? fail(indeterminate()) : settle(() => resolve(value))),
          fail,
        );
      };
      this.#calls.add(call);
      if (fate === "limbo") this.#limbo(call, label, fail);
      else this.#send(call, label, () => resolve(undefined as T));
    });
  }

  /** The caller hears that nobody knows; the commit may come later than what others do meanwhile. */
  #limbo(call: Call, label: string, fail: (error: Error) => void): void {
    const { scheduler, random } = this.#options;
    const { apply } = call;
    call.apply = undefined;
    fail(indeterminate());
    if (random.chance(0.7)) scheduler.after(random.int(1, 3_000), `store late ${label}`, () => apply?.());
  }

  /** `acknowledge` is for the planted bug that does it too early. */
  #send(call: Call, label: string, acknowledge: () => void): void {
    const { plant, scheduler } = this.#options;
    if (plant === "early-ack" && call.isCommit) {
      scheduler.after(this.#delayMs(), `store early ${label}`, acknowledge);
    }
    const apply = (): void => call.apply?.();
    const delayMs = this.#delayMs();
    if (call.actorId === undefined) scheduler.after(delayMs, `store ${label}`, apply);
    else this.#lane(call.actorId).push(delayMs, `store ${label}`, apply);
  }

  #lane(actorId: string): Lane {
    let lane = this.#lanes.get(actorId);
    if (lane === undefined) {
      lane = new Lane(this.#options.scheduler);
      this.#lanes.set(actorId, lane);
    }
    return lane;
  }

  #fate(isCommit: boolean): Fate {
    const { random } = this.#options;
    const { before, after, limbo } = this.faults;
    if (isCommit && this.isFull) return "full";
    const drawn = random.unit();
    if (drawn < before) return "before";
    if (!isCommit) return "ok";
    if (drawn < before + after) return "after";
    return drawn < before + after + limbo ? "limbo" : "ok";
  }

  #delayMs(): number {
    const { random } = this.#options;
    const { slow, slowMs, delayMs } = this.faults;
    return random.chance(slow) ? random.int(delayMs, slowMs) : random.skewed(delayMs);
  }

  /** `database` is what the actor's database is with this commit, where that has changed it. */
  async commit(batch: CommitBatch, database: Uint8Array | undefined): Promise<void> {
    const { plant, random } = this.#options;
    let applied = batch;
    if (plant === "skip-fence" && batch.create === undefined) {
      const record = await this.data.get(batch.actorId);
      if (record !== undefined) applied = { ...batch, epoch: record.epoch, version: record.version + 1 };
    }
    if (plant !== undefined && random.chance(0.1)) applied = damaged(applied, plant);
    if (plant === "forget-calls") applied = without(applied, "calls");
    if (plant === "forget-wake" && typeof applied.wakeAt === "number") applied = without(applied, "wakeAt");
    await this.data.commit(applied);
    this.ledger.applied(batch);
    if (batch.destroyedAt !== undefined) this.#databases.delete(batch.actorId);
    else if (database !== undefined && !(plant === "tear-database" && random.chance(0.1))) {
      this.#databases.set(batch.actorId, database);
      this.ledger.keeps(database);
    }
  }

  async putBlob(actorId: string, ...rest: PutRest): Promise<BlobInfo> {
    const { plant, random } = this.#options;
    const info = await this.data.blobs.put(actorId, ...rest);
    this.#options.scheduler.note(`store has blob ${short(actorId)} ${info.hash.slice(0, 8)}`);
    if (plant === "drop-blob" && random.chance(0.1)) this.removeBlob(actorId, info.hash);
    return info;
  }

  removeBlob(actorId: string, hash: string): void {
    this.#options.scheduler.note(`store removes blob ${short(actorId)} ${hash.slice(0, 8)}`);
    this.data.blobs.remove(actorId, hash);
  }

  /** What is durable of an actor's database, for its owner. */
  async database(actorId: string, epoch: number): Promise<Uint8Array | undefined> {
    const record = await this.data.get(actorId);
    if (record?.epoch !== epoch || record.destroyedAt !== undefined) {
      throw new HoldfastError("actor", "fenced", "Another owner has taken over this actor");
    }
    return this.#databases.get(actorId);
  }

  async acquire(id: string): Promise<LoadedActor> {
    const acquired = await this.data.acquire(id);
    const loaded = { ...acquired, hasDatabase: this.#databases.has(id) };
    this.ledger.acquired(id, loaded.record.epoch);
    const { plant, random } = this.#options;
    if (plant !== "stale-wake" || loaded.state === undefined || !random.chance(0.3)) return loaded;
    const { snapshot, patches } = loaded.state;
    return { ...loaded, state: { snapshot, patches: patches.slice(0, -1) } };
  }
}

/** What one process sees of the data. In a process that is gone nothing settles any more. */
export class StoreProcess implements ActorStore {
  readonly databases: DatabaseStore = {
    open: (actorId, epoch, isNew) => {
      const open = async (): ReturnType<DatabaseStore["open"]> =>
        this.#databases.open(actorId, epoch, isNew ? undefined : await this.#store.database(actorId, epoch));
      return this.#run(`open ${short(actorId)}`, actorId, open);
    },
  };
  readonly #databases = new ProcessDatabases();
  readonly blobs: BlobStore = {
    put: (id, ...rest) => this.#run(`put blob ${short(id)}`, id, () => this.#store.putBlob(id, ...rest)),
    read: (id, ...rest) => this.#run(`read blob ${short(id)}`, id, (data) => data.blobs.read(id, ...rest)),
    list: (id) => this.#run(`list blobs ${short(id)}`, id, (data) => data.blobs.list(id)),
    remove: (id, hash) => {
      if (!this.abandoned) this.#store.removeBlob(id, hash);
    },
  };
  readonly history: ActorStore["history"];
  readonly #store: SimStore;
  abandoned = false;

  constructor(store: SimStore) {
    this.#store = store;
    this.history = store.data.history;
  }

  abandon(): void {
    this.abandoned = true;
    this.#databases.closeAll();
    this.#store.crashed(this);
  }

  find(...args: Parameters<ActorStore["find"]>): ReturnType<ActorStore["find"]> {
    return this.#run(`find ${args[0]}`, undefined, (data) => data.find(...args));
  }

  get(id: string): ReturnType<ActorStore["get"]> {
    return this.#run(`get ${short(id)}`, undefined, (data) => data.get(id));
  }

  list(...args: Parameters<ActorStore["list"]>): ReturnType<ActorStore["list"]> {
    return this.#run("list", undefined, (data) => data.list(...args));
  }

  count(...args: Parameters<ActorStore["count"]>): ReturnType<ActorStore["count"]> {
    return this.#run("count", undefined, (data) => data.count(...args));
  }

  acquire(id: string): Promise<LoadedActor> {
    return this.#run(`acquire ${short(id)}`, id, () => this.#store.acquire(id));
  }

  async commit(batch: CommitBatch): Promise<void> {
    const { actorId, version, epoch } = batch;
    const label = `commit ${short(actorId)} ${epoch}/${version}`;
    const database = this.#databases.handIn(batch);
    return this.#run(label, actorId, () => this.#store.commit(batch, database));
  }

  call(...args: Parameters<ActorStore["call"]>): ReturnType<ActorStore["call"]> {
    return this.#run(`call ${short(args[0])}`, args[0], (data) => data.call(...args));
  }

  kvGet(...args: Parameters<ActorStore["kvGet"]>): ReturnType<ActorStore["kvGet"]> {
    return this.#run(`kvGet ${short(args[0])}`, args[0], (data) => data.kvGet(...args));
  }

  kvList(...args: Parameters<ActorStore["kvList"]>): ReturnType<ActorStore["kvList"]> {
    return this.#run(`kvList ${short(args[0])}`, args[0], (data) => data.kvList(...args));
  }

  due(...args: Parameters<ActorStore["due"]>): ReturnType<ActorStore["due"]> {
    return this.#run("due", undefined, (data) => data.due(...args));
  }

  /** The data outlives its processes. */
  async close(): Promise<void> {}

  #run<T>(label: string, actorId: string | undefined, perform: (data: ActorStore) => Promise<T>): Promise<T> {
    if (this.abandoned) return new Promise(() => undefined);
    return this.#store.run(this, label, actorId, () => perform(this.#store.data));
  }
}

/** What is left of a commit that a planted bug has met. */
function damaged(batch: CommitBatch, plant: Plant): CommitBatch {
  switch (plant) {
    case "torn-commit":
      return batch.state === undefined ? batch : without(batch, "kv");
    case "drop-queue-message":
      return withoutRecords(batch, "put", prefix.queueMessage);
    case "alarm-twice":
      return withoutRecords(batch, "delete", prefix.schedule);
    case "forget-step":
      return withoutRecords(batch, "put", prefix.workflowHistory);
    case "drop-signal":
      return withoutRecords(batch, "put", prefix.workflowHistory, signalSpace);
    case "drop-outbox":
      return withoutRecords(batch, "put", prefix.outbox);
    case "forget-answer":
      return without(batch, "calls");
    case "forget-connection":
      return withoutRecords(batch, "put", prefix.connection);
    case "forget-destroy":
      return without(batch, "destroyedAt");
    default:
      return batch;
  }
}

function withoutRecords(
  batch: CommitBatch,
  type: KvOperation["type"],
  ...start: readonly number[]
): CommitBatch {
  const isMeant = (operation: KvOperation): boolean =>
    operation.type === type &&
    operation.type !== "delete-range" &&
    operation.key[0] === recordSpace &&
    start.every((byte, at) => operation.key[1 + at] === byte);
  return batch.kv === undefined ? batch : { ...batch, kv: batch.kv.filter((each) => !isMeant(each)) };
}

function without(batch: CommitBatch, name: "kv" | "calls" | "wakeAt" | "destroyedAt"): CommitBatch {
  const { [name]: _, ...rest } = batch;
  return rest;
}

/** Enough of an id to tell actors apart in a trace. */
function short(id: string): string {
  return id.slice(-6);
}

function unavailable(): HoldfastError {
  return new HoldfastError("store", "unavailable", "The store is unavailable (simulated)");
}

function indeterminate(): HoldfastError {
  return new HoldfastError("store", "indeterminate", "The outcome is unknown (simulated)");
}

function full(): HoldfastError {
  return new HoldfastError("store", "full", "The disk is full (simulated)");
}
