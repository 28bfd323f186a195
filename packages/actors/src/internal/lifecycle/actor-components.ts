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

/** The actor as all of its pieces together know it. */
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
 * What a running actor consists of. An idle one is to be small: what not every actor needs is made when
 * it is first asked for, and what only running code needs is let go when none runs. Who wants a piece
 * only if it is there asks for the `used` one.
 */
export abstract class ActorComponents {
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  readonly definition: RuntimeDefinition;
  readonly host: ActorHost;
  /** Until then, in milliseconds, the store may hold call records of earlier instances; 0 when it holds none. */
  readonly #storedCallsUntil: number;

  // Always there; so is the queue of commits, which the runtime makes.
  readonly activity: Activity;
  readonly stateHolder: ActorState;

  // Made when they are needed.
  #parts: Parts | undefined;
  #connections: Connections | undefined;
  #storage: Storage | undefined;
  #ledger: CallLedger | undefined;
  #transactions: Transactions | undefined;
  #errors: ErrorFilter | undefined;

  // Let go again when no user code runs.
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

  /** The actor itself, which its pieces know. */
  protected abstract runtime(): ComponentHost;

  /** At the start, for an actor whose definition or record asks for parts. */
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

  /** The actions that run. */
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

  /** Lets actions, connections and requests begin. */
  get transactionLock(): TransactionLock {
    this.#transactionLock ??= new TransactionLock(this.definition.options.concurrency === "serial");
    return this.#transactionLock;
  }

  /**
   * No user code runs: what only that needs is let go. Not while something is on its way to the store: those
   * who wait for it are about to call again, and would have all of it made anew.
   */
  rested(): void {
    if (!this.runtime().queue.idle) return;
    this.stateHolder.rest();
    if (this.#calls?.isEmpty === true) this.#calls = undefined;
    if (this.#transactionLock?.isFree === true) this.#transactionLock = undefined;
    // Parts keep what holds their records.
    if (this.#parts === undefined && this.#storage?.isEmpty === true) this.#storage = undefined;
  }
}

function storedCallsUntil(start: InstanceStart, clock: Clock): number {
  if (start.type === "create") return 0;
  const now = clock.now();
  const until = start.loaded.callsUntil ?? now + callWindowMs;
  return until > now ? until : 0;
}
