import type { Clock, HoldfastError, Ports, Random } from "@holdfast/core";
import { type ActorLogger, actorLogger } from "../../logger.ts";
import type { ActorHost, ActorInstance, StopReason } from "../../ports/instance.ts";
import type { InstanceOptions, InstanceStart } from "../../ports/instance-options.ts";
import { Calls } from "../calls/calls.ts";
import type { ContextSource } from "../calls/context.ts";
import { Connections } from "../connections/connections.ts";
import type { RuntimeDefinition } from "../definition/runtime-definition.ts";
import { Inspection } from "../inspect/inspection.ts";
import type { EntryBuffer } from "../kv/entry-buffer.ts";
import type { KvBuffer } from "../kv/kv-buffer.ts";
import { Storage } from "../kv/storage.ts";
import { ActorState } from "../turn/actor-state.ts";
import { CallLedger, callWindowMs } from "../turn/call-ledger.ts";
import { ChangeCollector } from "../turn/change-collector.ts";
import { CommitQueue } from "../turn/commit-queue.ts";
import { TransactionLock } from "../turn/transaction-lock.ts";
import { Transactions } from "../turn/transactions.ts";
import { TurnTracker } from "../turn/turn-tracker.ts";
import { Activity, type ActivityListener } from "./activity.ts";
import type { ActorCore } from "./actor-core.ts";
import { ActorContextSource, type SharedByContexts } from "./context-source.ts";
import { ErrorFilter } from "./error-filter.ts";
import { Parts, type StoredParts } from "./parts.ts";
import { ActorPhase } from "./phase.ts";

/** The instance that the components belong to, which starts and stops them. */
export interface ActorLifecycle extends ActorInstance, ActivityListener {
  requestSleep(): void;
  requestDestroy(): void;
  /** Tells running user code that the actor stops. */
  notifyStopping(): void;
  /** Refuses changes from now on. */
  seal(): void;
  /** Ends the instance immediately. Idempotent. */
  halt(reason: StopReason, error: HoldfastError | undefined): void;
}

/** Components that few actors need: one object, so that the others do without its fields. */
interface RareComponents {
  /** Of an actor in a namespace other than the default one. */
  storedName?: string;
  place?: string;
  errors?: ErrorFilter;
  inspection?: Inspection;
  log?: ActorLogger;
  shared?: SharedByContexts;
  transactions?: Transactions;
}

/**
 * The components of one running actor, each built with what it depends on. Most are created on first use, so that an
 * idle actor stays small, and those that only running code needs are released when none runs. The plain getters
 * create; the `existing...` getters return undefined for a component that has not been created.
 */
export class ActorComponents implements ActorCore {
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  readonly definition: RuntimeDefinition;
  readonly host: ActorHost;
  readonly instance: ActorLifecycle;

  // Always present.
  readonly phase: ActorPhase;
  readonly activity: Activity;
  readonly changes: ChangeCollector;
  readonly queue: CommitQueue;
  readonly turn: TurnTracker;
  readonly state: ActorState;

  // Created on first use.
  #parts: Parts | undefined;
  #connections: Connections | undefined;
  #storage: Storage | undefined;
  #ledger: CallLedger | undefined;
  #rare: RareComponents | undefined;

  // Released when no user code runs.
  #calls: Calls | undefined;
  #context: ActorContextSource | undefined;
  #transactionLock: TransactionLock | undefined;

  /** Until this time (ms since the epoch) the store may hold call records of earlier instances; 0 if it holds none. */
  readonly #storedCallsUntil: number;

  constructor(options: InstanceOptions, instance: ActorLifecycle) {
    const { id, name, key, definition, epoch, start, host } = options;
    const { clock, random } = host.ports;
    const loaded = start.type === "wake" ? start.loaded : undefined;
    this.id = id;
    this.name = name;
    const { storedName = name, place } = options;
    if (storedName !== name || place !== undefined)
      this.#rare = { storedName, ...(place === undefined ? {} : { place }) };
    this.key = key;
    this.definition = definition["~definition"];
    this.host = host;
    this.instance = instance;
    this.phase = new ActorPhase(start.type === "create" ? clock.now() : undefined);
    this.activity = new Activity(instance);
    this.changes = new ChangeCollector(this);
    const version = loaded?.record.version ?? 0;
    this.queue = new CommitQueue(this.changes, { epoch, version, nonce: nonceOf(random) });
    this.turn = new TurnTracker(this);
    this.state = new ActorState(this);
    this.#storedCallsUntil = storedCallsUntil(start, clock);
    const stored = loaded && { wakeAt: loaded.record.wakeAt, hasDatabase: loaded.hasDatabase === true };
    if (needsParts(this.definition, stored)) this.#parts = new Parts(this, stored);
  }

  get storedName(): string {
    return this.#rare?.storedName ?? this.name;
  }

  get place(): string | undefined {
    return this.#rare?.place;
  }

  get ports(): Ports {
    return this.host.ports;
  }

  get parts(): Parts {
    this.#parts ??= new Parts(this, undefined);
    return this.#parts;
  }

  get existingParts(): Parts | undefined {
    return this.#parts;
  }

  get connections(): Connections {
    this.#connections ??= new Connections(this);
    return this.#connections;
  }

  get existingConnections(): Connections | undefined {
    return this.#connections;
  }

  get storage(): Storage {
    this.#storage ??= new Storage(this);
    return this.#storage;
  }

  get existingStorage(): Storage | undefined {
    return this.#storage;
  }

  get records(): EntryBuffer {
    return this.storage.records;
  }

  get kv(): KvBuffer {
    return this.storage.kv;
  }

  get ledger(): CallLedger {
    this.#ledger ??= new CallLedger(this.host.store, this.id, this.ports.clock, this.#storedCallsUntil);
    return this.#ledger;
  }

  get existingLedger(): CallLedger | undefined {
    return this.#ledger;
  }

  get errors(): ErrorFilter {
    this.#rare ??= {};
    const rare = this.#rare;
    if (rare.errors === undefined) {
      const { id, key, host } = this;
      const actor = { actorId: id, generation: this.queue.epoch, key };
      rare.errors = new ErrorFilter(host.ports.random, host.report, actor, host.exposeErrors === true);
    }
    return rare.errors;
  }

  get log(): ActorLogger {
    const { name, key } = this;
    this.#rare ??= {};
    this.#rare.log ??= actorLogger(this.ports.log.child({ actorId: this.id, name, key }));
    return this.#rare.log;
  }

  get transactions(): Transactions {
    this.#rare ??= {};
    this.#rare.transactions ??= new Transactions(this);
    return this.#rare.transactions;
  }

  get inTransaction(): boolean {
    return this.#rare?.transactions?.open === true;
  }

  /** The inspector's view of the actor. */
  get inspector(): Inspection {
    this.#rare ??= {};
    this.#rare.inspection ??= new Inspection(this);
    return this.#rare.inspection;
  }

  /** Set once the inspector has been used. */
  get inspection(): Inspection | undefined {
    return this.#rare?.inspection;
  }

  get shared(): SharedByContexts {
    this.#rare ??= {};
    this.#rare.shared ??= { vars: undefined, abort: undefined, client: undefined };
    return this.#rare.shared;
  }

  get existingShared(): SharedByContexts | undefined {
    return this.#rare?.shared;
  }

  get context(): ContextSource {
    this.#context ??= new ActorContextSource(this);
    return this.#context;
  }

  /** The running actions. */
  get calls(): Calls {
    this.#calls ??= new Calls(this);
    return this.#calls;
  }

  get existingCalls(): Calls | undefined {
    return this.#calls;
  }

  /** Admits actions, connections and requests. */
  get transactionLock(): TransactionLock {
    this.#transactionLock ??= new TransactionLock(this.definition.options.concurrency === "serial");
    return this.#transactionLock;
  }

  /**
   * Releases what only running user code needs. Not while a commit is in flight: its callers are likely to call
   * again soon, and everything would be created again.
   */
  release(): void {
    if (!this.queue.idle) return;
    this.state.release();
    this.#context = undefined;
    if (this.#calls?.isEmpty === true) this.#calls = undefined;
    if (this.#transactionLock?.isFree === true) this.#transactionLock = undefined;
    // Parts hold references to the storage of their records.
    if (this.#parts === undefined && this.#storage?.isEmpty === true) this.#storage = undefined;
  }
}

/** True if the definition or the stored record needs parts from the start. */
function needsParts({ run, db }: RuntimeDefinition, stored: StoredParts | undefined): boolean {
  const isStored = stored?.wakeAt !== undefined || stored?.hasDatabase === true;
  return isStored || run !== undefined || db !== undefined;
}

/** Distinguishes the commits of this instance from those that another instance makes with its epoch. */
function nonceOf(random: Random): string {
  return btoa(String.fromCharCode(...random.bytes(6)));
}

function storedCallsUntil(start: InstanceStart, clock: Clock): number {
  if (start.type === "create") return 0;
  const now = clock.now();
  const until = start.loaded.callsUntil ?? now + callWindowMs;
  return until > now ? until : 0;
}
