import type { ActorTarget } from "@holdfast/client";
import { decodeValue, encodeKey, encodeValue, HoldfastError, isHoldfastError } from "@holdfast/core";
import type { OutgoingSend, SendCall } from "../../ports/instance.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { recordPrefix } from "../lifecycle/part.ts";
import { queueLimits } from "./limits.ts";
import type { Mailbox } from "./mailbox/mailbox.ts";
import {
  decodeOutbox,
  encodeOutbox,
  idOf,
  numberedKey,
  type OutboxRecord,
  prefixRange,
} from "./mailbox/records.ts";

type OutboxDependencies = Pick<
  ActorCore,
  | "activity"
  | "errors"
  | "host"
  | "inTransaction"
  | "phase"
  | "ports"
  | "queue"
  | "records"
  | "state"
  | "turn"
>;

interface Row {
  readonly number: number;
  readonly record: OutboxRecord;
  /** The target. */
  readonly address: string;
  attempts: number;
  /** Time of the next attempt; during an attempt, the time of the retry after a crash. */
  nextAt: number;
  /** True until its commit has landed, and while it is being delivered. */
  underWay: boolean;
  /** The code that awaits the send; undefined after a restart. */
  readonly sender: { resolve(): void; reject(error: unknown): void } | undefined;
}

/** After these errors the outcome is unknown, or nothing ran: the target recognises a repetition by its key. */
const passing: ReadonlySet<string> = new Set([
  "actor.stopping",
  "actor.starting",
  "actor.fenced",
  "actor.moved",
  "actor.no_node",
  "cluster.node_lost",
  "store.unavailable",
  "store.indeterminate",
  "store.full",
  "store.failed",
  "store.closed",
  "gateway.shutting_down",
  "client.network_error",
]);

/**
 * Transactional outbox: messages to queues of other actors. Each is a record of the turn that sent it, delivered once
 * that is durable, and kept until the target has it: in order per target, at least once, also after a crash.
 */
export class Outbox {
  readonly #actor: OutboxDependencies;
  readonly #mailbox: Mailbox;
  readonly #arm: () => void;
  readonly #rows = new Map<number, Row>();
  /** The messages per target, oldest first: only the first one is sent. */
  readonly #lines = new Map<string, Set<Row>>();
  #next = 1;

  constructor(actor: OutboxDependencies, mailbox: Mailbox, arm: () => void) {
    this.#actor = actor;
    this.#mailbox = mailbox;
    this.#arm = arm;
  }

  get size(): number {
    return this.#rows.size;
  }

  async load(): Promise<void> {
    for (const { key, value } of await this.#actor.records.list(prefixRange(recordPrefix.outbox))) {
      const number = idOf(key);
      const record = decodeOutbox(value);
      const address = addressOf(record);
      this.#add({ number, record, address, attempts: 0, nextAt: 0, underWay: false, sender: undefined });
      this.#next = number + 1;
    }
  }

  #add(row: Row): void {
    this.#rows.set(row.number, row);
    const line = this.#lines.get(row.address);
    if (line === undefined) this.#lines.set(row.address, new Set([row]));
    else line.add(row);
  }

  #remove(row: Row): void {
    this.#rows.delete(row.number);
    const line = this.#lines.get(row.address);
    line?.delete(row);
    if (line?.size === 0) this.#lines.delete(row.address);
  }

  /** The first message of each target. */
  #heads(): Row[] {
    return [...this.#lines.keys()].flatMap((address) => this.#head(address) ?? []);
  }

  #head(address: string): Row | undefined {
    return this.#lines.get(address)?.values().next().value;
  }

  /** Resolves when the target has stored it. Throws `queue.outbox_full`, and the target's error. */
  send(send: OutgoingSend): Promise<void> {
    const { records, queue, ports } = this.#actor;
    if (this.#rows.size >= queueLimits.maxOutbox) throw outboxFull();
    const { target } = send;
    const number = this.#next++;
    const record: OutboxRecord = {
      actor: target.name,
      address: target.type === "id" ? target.id : target.key,
      creates: target.type === "getOrCreate",
      input: target.type === "getOrCreate" ? target.input : undefined,
      queue: send.queue,
      body: encodeValue(this.#actor.state.unwrap(send.body)),
      params: send.params,
      idempotencyKey: send.idempotencyKey,
      options: send.options,
      createdAt: ports.clock.now(),
    };
    this.#mailbox.reserveIds();
    records.put(rowKey(number), encodeOutbox(record));
    this.#actor.turn.userWrote();
    return new Promise((resolve, reject) => {
      const nextAt = ports.clock.now() + queueLimits.rescueMs;
      const address = addressOf(record);
      const row: Row = {
        number,
        record,
        address,
        attempts: 0,
        nextAt,
        underWay: true,
        sender: { resolve, reject },
      };
      this.#add(row);
      this.#actor.activity.begin();
      const leave = (): void => {
        queue.after({
          undoable: true,
          release: () => {
            this.#actor.activity.end();
            row.underWay = false;
            this.#try(row);
          },
          drop: (error) => {
            this.#actor.activity.end();
            this.#remove(row);
            reject(error);
          },
        });
      };
      // An output ends the turn. Further synchronous changes of the caller belong to the sending turn, which ends when
      // the caller returns or awaits. A transaction is one turn in any case.
      if (this.#actor.inTransaction) leave();
      else void Promise.resolve().then(leave);
    });
  }

  /** Called when the actor is ready: sends what an earlier instance left. */
  resume(): void {
    for (const row of this.#heads()) this.#try(row);
  }

  /** Retries what is due. */
  tick(): void {
    const now = this.#actor.ports.clock.now();
    for (const row of this.#heads()) if (row.nextAt <= now) this.#try(row);
  }

  /** Time of the next retry. */
  get dueAt(): number | undefined {
    return this.#earliest((row) => !row.underWay);
  }

  /** When the actor has to be in memory for its messages, also if it dies now. */
  get wakeAt(): number | undefined {
    return this.#earliest(() => true);
  }

  /** Messages behind the first one have no time of their own. */
  #earliest(counts: (row: Row) => boolean): number | undefined {
    let earliest: number | undefined;
    for (const row of this.#heads()) {
      if (counts(row) && (earliest === undefined || row.nextAt < earliest)) earliest = row.nextAt;
    }
    return earliest;
  }

  /** Messages to one target are sent in order: one that waits delays those behind it. */
  #try(row: Row): void {
    if (this.#actor.phase.sealed || row.underWay || this.#head(row.address) !== row) return;
    row.underWay = true;
    row.attempts++;
    row.nextAt = this.#actor.ports.clock.now() + queueLimits.rescueMs;
    const { activity } = this.#actor;
    activity.begin();
    void this.#deliver(row)
      .catch((error: unknown) => this.#actor.errors.report(error))
      .finally(() => {
        row.underWay = false;
        activity.end();
        const next = this.#head(row.address);
        if (next !== undefined && next !== row) this.#try(next);
        this.#arm();
      });
  }

  async #deliver(row: Row): Promise<void> {
    const { record } = row;
    const { host } = this.#actor;
    try {
      if (host.deliver === undefined) throw noHost();
      await host.deliver(targetOf(record), callOf(record));
      this.#done(row);
      row.sender?.resolve();
    } catch (error) {
      if (passes(error, row)) {
        const { outboxMinMs, outboxMaxMs } = queueLimits;
        const wait = Math.min(outboxMaxMs, outboxMinMs * 2 ** (row.attempts - 1));
        row.nextAt = this.#actor.ports.clock.now() + wait;
        return;
      }
      this.#done(row);
      if (row.sender !== undefined) row.sender.reject(error);
      else this.#actor.errors.report(error);
    }
  }

  #done(row: Row): void {
    // After the end of the instance the record stays: the next one finds that the target has it.
    if (this.#actor.phase.sealed) return;
    this.#remove(row);
    this.#actor.records.delete(rowKey(row.number));
  }

  rollback(numbers: ReadonlySet<number>): void {
    for (const row of [...this.#rows.values()]) if (!numbers.has(row.number)) this.#remove(row);
    // A rollback restores its record although it has arrived, so it is sent again; the target deduplicates.
    for (const number of numbers) if (!this.#rows.has(number)) this.#actor.records.delete(rowKey(number));
  }

  get numbers(): ReadonlySet<number> {
    return new Set(this.#rows.keys());
  }

  /** Called when the instance is out of memory: the next one delivers the rest. */
  stopped(): void {
    const error = new HoldfastError(
      "queue",
      "delivery_pending",
      "The actor stopped before the message arrived",
      {
        statusCode: 503,
      },
    );
    for (const { sender } of this.#rows.values()) sender?.reject(error);
    this.#rows.clear();
    this.#lines.clear();
  }
}

function passes(error: unknown, row: Row): boolean {
  if (!isHoldfastError(error)) return false;
  const code = `${error.group}.${error.code}`;
  // After a restart no caller gets the error of a full queue: the message waits for room.
  return passing.has(code) || (code === "queue.full" && row.sender === undefined);
}

function rowKey(number: number): Uint8Array {
  return numberedKey(recordPrefix.outbox, number);
}

function addressOf({ actor, address }: OutboxRecord): string {
  return typeof address === "string" ? `${actor}/${address}` : `${actor}/@${encodeKey(address)}`;
}

function targetOf({ actor: name, address, creates, input }: OutboxRecord): ActorTarget {
  if (typeof address === "string") return { type: "id", name, id: address };
  if (!creates) return { type: "get", name, key: address };
  return { type: "getOrCreate", name, key: address, ...(input === undefined ? {} : { input }) };
}

function callOf({ queue, body, params, idempotencyKey, options }: OutboxRecord): SendCall {
  return { name: queue, body: decodeValue(body, { maxDepth: 1_010 }), params, idempotencyKey, options };
}

function outboxFull(): HoldfastError {
  const message = `More than ${queueLimits.maxOutbox} messages to other actors are undelivered`;
  return new HoldfastError("queue", "outbox_full", message, { statusCode: 503 });
}

function noHost(): HoldfastError {
  return new HoldfastError("queue", "no_delivery", "This host cannot reach other actors", {
    statusCode: 500,
  });
}
