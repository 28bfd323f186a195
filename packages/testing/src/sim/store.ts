import type {
  ActorStore,
  BlobInfo,
  BlobStore,
  CommitBatch,
  DatabaseStore,
  KvEntry,
  KvOperation,
  LoadedActor,
} from "@holdfast/actors";
import { HoldfastError, type Ports, silentLogger } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import type { ProcessGate } from "./cluster/process-gate.ts";
import { ProcessDatabases } from "./databases.ts";
import { type Faults, noFaults } from "./faults/faults.ts";
import { Ledger } from "./ledger.ts";
import { PageTable, type PageUpdate } from "./pages.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { Lane, type Scheduler, type SimClock } from "./scheduler.ts";
import type { SeededRandom } from "./seeded.ts";

export interface SimStoreOptions {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly clock: SimClock;
  readonly plant: PlantedBug | undefined;
  readonly reportViolation: (message: string) => void;
}

/** Store call of a process that has not returned yet. */
interface Call {
  readonly process: StoreProcess;
  readonly actorId: string | undefined;
  readonly isCommit: boolean;
  /** Applies the call, which settles later. */
  apply: (() => void) | undefined;
}

/** Fate of one call. */
type CallFate = "ok" | "before" | "after" | "limbo" | "full";

type PutRest = Parameters<BlobStore["put"]> extends [string, ...infer Rest] ? Rest : never;

/** First bytes of record keys: the key space of records, then the prefix of a component. */
const recordSpace = 0x00;
const prefix = {
  meta: 0x01,
  schedule: 0x02,
  connection: 0x03,
  movedConnection: 0x07,
  queueMessage: 0x41,
  outbox: 0x44,
  workflowHistory: 0x60,
} as const;
const stateVersionKey = 0x01;
/** Key space of received signals in the history of a workflow. */
const signalSpace = 0x02;

/**
 * Data of a simulated installation, which outlives its processes. A call reaches the data at one time and its caller
 * at a later one. Calls for one actor reach it in order.
 */
export class SimStore {
  readonly data: ActorStore;
  readonly ledger: Ledger;
  faults: Faults["store"] = noFaults.store;
  isFull = false;
  readonly #options: SimStoreOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #calls = new Set<Call>();
  /** SQLite databases of the actors. */
  readonly #pages: PageTable;
  /** The last schedule of each actor that was removed, for a planted bug. */
  readonly #fired = new Map<string, { readonly process: StoreProcess; readonly entry: KvEntry }>();

  constructor(options: SimStoreOptions) {
    this.#options = options;
    const ports: Ports = {
      clock: options.clock,
      random: options.random,
      // Macrotasks run immediately: this class decides when a call settles, not the memory store.
      tasks: { after: () => ({ cancel: () => undefined }), macrotask: (fn) => fn() },
      log: silentLogger,
    };
    this.data = createMemoryStore({ ports });
    this.ledger = new Ledger(options.reportViolation);
    this.#pages = new PageTable(options.random, options.plant);
  }

  /** Number of calls that have not returned. */
  get inFlight(): number {
    return this.#calls.size;
  }

  /** Creates the view of one process. */
  process(gate: ProcessGate, isOldRelease: boolean): StoreProcess {
    return new StoreProcess(this, gate, isOldRelease);
  }

  /** Handles a crash of the process: each of its commits is applied now, later, or never, in order per actor. */
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
        // A database server would finish a commit that it has received.
        if (this.faults.limbo > 0 && random.chance(0.3)) {
          scheduler.after(random.int(1, 2_000), `store late commit ${shortId(actorId)}`, apply);
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
        if (process.isCrashed) return;
        this.#options.scheduler.after(this.#delayMs(), `store done ${label}`, () => {
          if (!this.#calls.delete(call)) return;
          if (process.gate === undefined) how();
          else process.gate.run(how);
        });
      };
      const fail = (error: Error): void => settle(() => reject(error));
      call.apply = () => {
        call.apply = undefined;
        if (fate === "before" || process.isCutOff) return fail(unavailable());
        if (fate === "full") return fail(full());
        perform().then(
          (value) => (fate === "after" ? fail(indeterminate()) : settle(() => resolve(value))),
          fail,
        );
      };
      this.#calls.add(call);
      if (fate === "limbo") this.#failWithUnknownOutcome(call, label, fail);
      else this.#send(call, label, () => resolve(undefined as T));
    });
  }

  /** Fails with an unknown outcome; the commit may be applied after later calls of others. */
  #failWithUnknownOutcome(call: Call, label: string, fail: (error: Error) => void): void {
    const { scheduler, random } = this.#options;
    const { apply } = call;
    call.apply = undefined;
    fail(indeterminate());
    if (random.chance(0.7)) scheduler.after(random.int(1, 3_000), `store late ${label}`, () => apply?.());
  }

  /** `acknowledge` is for the planted bug that acknowledges too early. */
  #send(call: Call, label: string, acknowledge: () => void): void {
    const { plant, scheduler } = this.#options;
    const isHandover = plant === "early-ack-at-handover" && call.process.isHandingOver;
    if ((plant === "early-ack" || isHandover) && call.isCommit) {
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

  #fate(isCommit: boolean): CallFate {
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

  /** `database` is the content of the actor's database after this commit, if it changed. */
  async commit(process: StoreProcess, batch: CommitBatch, database: Uint8Array | undefined): Promise<void> {
    const { plant, random } = this.#options;
    let applied = batch;
    if ((plant === "skip-fence" || plant === "skip-fence-on-move") && batch.create === undefined) {
      const record = await this.data.get(batch.actorId);
      const isMeant = plant === "skip-fence" || record?.epoch !== batch.epoch;
      if (record !== undefined && isMeant)
        applied = { ...batch, epoch: record.epoch, version: record.version + 1 };
    }
    if (plant === "alarm-at-handover") await this.#rememberFired(batch, process);
    if (plant === "lose-missed-events") applied = withoutRecords(applied, "put", prefix.movedConnection);
    if (plant === "resume-twice") applied = withoutRecords(applied, "delete", prefix.movedConnection);
    if (plant !== undefined && random.chance(0.1)) applied = withPlantedLoss(applied, plant);
    if (plant === "forget-calls") applied = withoutFields(applied, "calls");
    if (plant === "forget-wake" && typeof applied.wakeAt === "number")
      applied = withoutFields(applied, "wakeAt");
    await this.data.commit(applied);
    this.ledger.recordCommit(batch);
    if (batch.destroyedAt !== undefined) this.#pages.delete(batch.actorId);
    else if (database !== undefined && !(plant === "tear-database" && random.chance(0.1))) {
      this.#pages.write(batch.actorId, batch.version, database);
      this.ledger.recordBytes(database);
    }
  }

  /** For the planted bug that fires a schedule again at the next owner. */
  async #rememberFired({ actorId, kv = [] }: CommitBatch, process: StoreProcess): Promise<void> {
    for (const operation of kv) {
      const isSchedule = operation.type === "delete" && operation.key[1] === prefix.schedule;
      if (!isSchedule || operation.key[0] !== recordSpace) continue;
      const value = await this.data.kvGet(actorId, operation.key);
      if (value !== undefined) this.#fired.set(actorId, { process, entry: { key: operation.key, value } });
    }
  }

  /** Entries as the process gets them. */
  async kvList(
    process: StoreProcess,
    ...[actorId, range]: Parameters<ActorStore["kvList"]>
  ): Promise<readonly KvEntry[]> {
    const all = await this.data.kvList(actorId, range);
    const hidesVersion = this.#options.plant === "wake-newer-state" && process.isOldRelease;
    const entries = hidesVersion ? all.filter(({ key }) => !isStateVersion(key)) : all;
    const fired = this.#fired.get(actorId);
    const isWake = range.start.length === 1 && range.start[0] === recordSpace;
    if (fired === undefined || fired.process === process || !isWake) return entries;
    this.#fired.delete(actorId);
    const others = entries.filter(({ key }) => Buffer.compare(key, fired.entry.key) !== 0);
    return [...others, fired.entry].sort((one, other) => Buffer.compare(one.key, other.key));
  }

  async putBlob(actorId: string, ...rest: PutRest): Promise<BlobInfo> {
    const { plant, random } = this.#options;
    const info = await this.data.blobs.put(actorId, ...rest);
    this.#options.scheduler.note(`store has blob ${shortId(actorId)} ${info.hash.slice(0, 8)}`);
    if (plant === "drop-blob" && random.chance(0.1)) this.removeBlob(actorId, info.hash);
    return info;
  }

  removeBlob(actorId: string, hash: string): void {
    this.#options.scheduler.note(`store removes blob ${shortId(actorId)} ${hash.slice(0, 8)}`);
    this.data.blobs.remove(actorId, hash);
  }

  /** What an actor's owner lacks of its database: the pages after `since`, a version that it has. */
  async database(actorId: string, epoch: number, since: number): Promise<PageUpdate | undefined> {
    const record = await this.data.get(actorId);
    if (record?.epoch !== epoch || record.destroyedAt !== undefined) {
      throw new HoldfastError("actor", "fenced", "Another owner has taken over this actor");
    }
    return this.#pages.since(actorId, since);
  }

  async acquire(id: string): Promise<LoadedActor> {
    const acquired = await this.data.acquire(id);
    const loaded = { ...acquired, hasDatabase: this.#pages.has(id) };
    this.ledger.recordAcquire(id, loaded.record.epoch);
    const { plant, random } = this.#options;
    if (plant !== "stale-wake" || loaded.state === undefined || !random.chance(0.3)) return loaded;
    const { snapshot, patches } = loaded.state;
    return { ...loaded, state: { snapshot, patches: patches.slice(0, -1) } };
  }
}

/** One process's view of the data. After a crash of the process none of its calls settles. */
export class StoreProcess implements ActorStore {
  readonly databases: DatabaseStore = {
    open: (actorId, epoch, isNew) => {
      const open = async (): ReturnType<DatabaseStore["open"]> => {
        const since = this.#databases.localVersion(actorId);
        const update = isNew ? undefined : await this.#store.database(actorId, epoch, since);
        return this.#databases.open(actorId, epoch, update);
      };
      return this.#run(`open ${shortId(actorId)}`, actorId, open);
    },
  };
  readonly #databases = new ProcessDatabases();
  readonly blobs: BlobStore = {
    put: (id, ...rest) => this.#run(`put blob ${shortId(id)}`, id, () => this.#store.putBlob(id, ...rest)),
    read: (id, ...rest) => this.#run(`read blob ${shortId(id)}`, id, (data) => data.blobs.read(id, ...rest)),
    list: (id) => this.#run(`list blobs ${shortId(id)}`, id, (data) => data.blobs.list(id)),
    remove: (id, hash) => {
      if (!this.isCrashed) this.#store.removeBlob(id, hash);
    },
  };
  readonly history: ActorStore["history"];
  readonly #store: SimStore;
  readonly gate: ProcessGate | undefined;
  readonly isOldRelease: boolean;
  isCrashed = false;
  /** True while the process cannot reach the store. */
  isCutOff = false;
  /** True from the time at which the process is asked to hand over its actors. */
  isHandingOver = false;

  constructor(store: SimStore, gate: ProcessGate | undefined, isOldRelease: boolean) {
    this.#store = store;
    this.gate = gate;
    this.isOldRelease = isOldRelease;
    this.history = store.data.history;
  }

  crash(): void {
    this.isCrashed = true;
    this.#databases.closeAll();
    this.#store.crashed(this);
  }

  find(...args: Parameters<ActorStore["find"]>): ReturnType<ActorStore["find"]> {
    return this.#run(`find ${args[0]}`, undefined, (data) => data.find(...args));
  }

  get(id: string): ReturnType<ActorStore["get"]> {
    return this.#run(`get ${shortId(id)}`, undefined, (data) => data.get(id));
  }

  list(...args: Parameters<ActorStore["list"]>): ReturnType<ActorStore["list"]> {
    return this.#run("list", undefined, (data) => data.list(...args));
  }

  count(...args: Parameters<ActorStore["count"]>): ReturnType<ActorStore["count"]> {
    return this.#run("count", undefined, (data) => data.count(...args));
  }

  acquire(id: string): Promise<LoadedActor> {
    return this.#run(`acquire ${shortId(id)}`, id, () => this.#store.acquire(id));
  }

  async commit(batch: CommitBatch): Promise<void> {
    const { actorId, version, epoch } = batch;
    const label = `commit ${shortId(actorId)} ${epoch}/${version}`;
    const database = this.#databases.commitCopy(batch);
    await this.#run(label, actorId, () => this.#store.commit(this, batch, database));
    if (database !== undefined) this.#databases.keep(actorId, version, database);
  }

  call(...args: Parameters<ActorStore["call"]>): ReturnType<ActorStore["call"]> {
    return this.#run(`call ${shortId(args[0])}`, args[0], (data) => data.call(...args));
  }

  kvGet(...args: Parameters<ActorStore["kvGet"]>): ReturnType<ActorStore["kvGet"]> {
    return this.#run(`kvGet ${shortId(args[0])}`, args[0], (data) => data.kvGet(...args));
  }

  kvList(...args: Parameters<ActorStore["kvList"]>): ReturnType<ActorStore["kvList"]> {
    return this.#run(`kvList ${shortId(args[0])}`, args[0], () => this.#store.kvList(this, ...args));
  }

  due(...args: Parameters<ActorStore["due"]>): ReturnType<ActorStore["due"]> {
    return this.#run("due", undefined, (data) => data.due(...args));
  }

  /** The data outlives its processes. */
  async close(): Promise<void> {}

  #run<T>(label: string, actorId: string | undefined, perform: (data: ActorStore) => Promise<T>): Promise<T> {
    if (this.isCrashed) return new Promise(() => undefined);
    return this.#store.run(this, label, actorId, () => perform(this.#store.data));
  }
}

function isStateVersion(key: Uint8Array): boolean {
  return key[0] === recordSpace && key[1] === prefix.meta && key[2] === stateVersionKey;
}

/** Removes from a commit what a planted bug loses. */
function withPlantedLoss(batch: CommitBatch, plant: PlantedBug): CommitBatch {
  switch (plant) {
    case "torn-commit":
      return batch.state === undefined ? batch : withoutFields(batch, "kv");
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
      return withoutFields(batch, "calls");
    case "forget-connection":
      return withoutRecords(batch, "put", prefix.connection);
    case "forget-destroy":
      return withoutFields(batch, "destroyedAt");
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

function withoutFields(batch: CommitBatch, name: "kv" | "calls" | "wakeAt" | "destroyedAt"): CommitBatch {
  const { [name]: _, ...rest } = batch;
  return rest;
}

/** Shortens an id for the trace, keeping actors distinguishable. */
function shortId(id: string): string {
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
