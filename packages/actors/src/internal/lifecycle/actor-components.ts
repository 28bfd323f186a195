import type { Clock, Ports } from "@holdfast/core";
import type { ActorHost } from "../../ports/instance.ts";
import type { InstanceOptions, InstanceStart } from "../../ports/instance-options.ts";
import { Calls, type CallsOwner } from "../calls/calls.ts";
import { Connections } from "../connections/connections.ts";
import type { ConnectionsOwner } from "../connections/connections-owner.ts";
import type { RuntimeDefinition } from "../definition/runtime-definition.ts";
import type { KvBuffer } from "../kv/kv-buffer.ts";
import { Storage, type StorageOwner } from "../kv/storage.ts";
import { ActorState } from "../turn/actor-state.ts";
import { CallLedger, callWindowMs } from "../turn/call-ledger.ts";
import { TransactionLock } from "../turn/transaction-lock.ts";
import { Transactions, type TransactionsOwner } from "../turn/transactions.ts";
import { Activity, type ActivityListener } from "./activity.ts";
import { ErrorFilter } from "./error-filter.ts";
import { Parts, type PartsOwner, type StoredParts } from "./parts.ts";

/** The union of what the components need of their actor. */
export interface ComponentHost
  extends ActivityListener,
    CallsOwner,
    ConnectionsOwner,
    PartsOwner,
    StorageOwner,
    TransactionsOwner {
  readonly kv: KvBuffer;
  readonly parts: Parts;
  readonly transactions: Transactions;
  sends: number;
}

/**
 * The components of a running actor, created lazily so that an idle actor stays small: optional ones on first
 * use, and those that only running code needs are released when none runs. The plain getters create; the
 * `existing...` getters return undefined for a component that has not been created.
 */
export abstract class ActorComponents {
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  readonly definition: RuntimeDefinition;
  readonly host: ActorHost;
  /** Until this time (ms since the epoch) the store may hold call records of earlier instances; 0 if it holds none. */
  readonly #storedCallsUntil: number;

  // Always present, as is the commit queue, which the runtime creates.
  readonly activity: Activity;
  readonly stateHolder: ActorState;

  // Created on first use.
  #parts: Parts | undefined;
  #connections: Connections | undefined;
  #storage: Storage | undefined;
  #ledger: CallLedger | undefined;
  #transactions: Transactions | undefined;
  #errors: ErrorFilter | undefined;

  // Released when no user code runs.
  #calls: Calls | undefined;
  #transactionLock: TransactionLock | undefined;

  constructor({ id, name, key, definition, start, host }: InstanceOptions) {
    this.id = id;
    this.name = name;
    this.key = key;
    this.definition = definition["~definition"];
    this.host = host;
    this.#storedCallsUntil = storedCallsUntil(start, host.ports.clock);
    this.activity = new Activity(this.runtime());
    this.stateHolder = new ActorState(this.runtime());
  }

  /** The actor, as its components see it. */
  protected abstract runtime(): ComponentHost;

  /** Creates the parts at the start if the definition or the stored record needs them. */
  protected createParts(stored: StoredParts | undefined): void {
    const { run, db } = this.definition;
    const isStored = stored?.wakeAt !== undefined || stored?.hasDatabase === true;
    if (!isStored && run === undefined && db === undefined) return;
    this.#parts = new Parts(this.runtime(), this.runtime().queue.epoch, stored);
  }

  get ports(): Ports {
    return this.host.ports;
  }

  get parts(): Parts {
    this.#parts ??= new Parts(this.runtime(), this.runtime().queue.epoch, undefined);
    return this.#parts;
  }

  get existingParts(): Parts | undefined {
    return this.#parts;
  }

  get connections(): Connections {
    this.#connections ??= new Connections(this.runtime());
    return this.#connections;
  }

  get existingConnections(): Connections | undefined {
    return this.#connections;
  }

  get storage(): Storage {
    this.#storage ??= new Storage(this.host.store, this.runtime());
    return this.#storage;
  }

  get existingStorage(): Storage | undefined {
    return this.#storage;
  }

  get ledger(): CallLedger {
    this.#ledger ??= new CallLedger(this.host.store, this.id, this.ports.clock, this.#storedCallsUntil);
    return this.#ledger;
  }

  get existingLedger(): CallLedger | undefined {
    return this.#ledger;
  }

  get transactions(): Transactions {
    this.#transactions ??= new Transactions(this.runtime());
    return this.#transactions;
  }

  get inTransaction(): boolean {
    return this.#transactions?.open === true;
  }

  get errors(): ErrorFilter {
    if (this.#errors === undefined) {
      const { id, key, host } = this;
      const actor = { actorId: id, generation: this.runtime().queue.epoch, key };
      this.#errors = new ErrorFilter(host.ports.random, host.report, actor, host.exposeErrors === true);
    }
    return this.#errors;
  }

  /** The running actions. */
  get calls(): Calls {
    this.#calls ??= new Calls(this.runtime());
    return this.#calls;
  }

  get existingCalls(): Calls | undefined {
    return this.#calls;
  }

  cancelCall(idempotencyKey: string): void {
    this.#calls?.cancel(idempotencyKey);
  }

  /** Admits actions, connections and requests. */
  get transactionLock(): TransactionLock {
    this.#transactionLock ??= new TransactionLock(this.definition.options.concurrency === "serial");
    return this.#transactionLock;
  }

  /**
   * Releases what only running user code needs. Not while a commit is in flight: its callers are likely to
   * call again at once, and everything would be created anew.
   */
  rested(): void {
    if (!this.runtime().queue.idle) return;
    this.stateHolder.rest();
    if (this.#calls?.isEmpty === true) this.#calls = undefined;
    if (this.#transactionLock?.isFree === true) this.#transactionLock = undefined;
    // Parts hold references to the storage of their records.
    if (this.#parts === undefined && this.#storage?.isEmpty === true) this.#storage = undefined;
  }
}

function storedCallsUntil(start: InstanceStart, clock: Clock): number {
  if (start.type === "create") return 0;
  const now = clock.now();
  const until = start.loaded.callsUntil ?? now + callWindowMs;
  return until > now ? until : 0;
}
