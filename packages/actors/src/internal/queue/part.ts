import type { RunningCall } from "../calls/running-call.ts";
import type { HotRecords, Part } from "../lifecycle/part.ts";
import { ContextQueue } from "./context-queue.ts";
import type { QueueDependencies } from "./dependencies.ts";
import { QueueInspector } from "./inspector.ts";
import type { Mailbox } from "./mailbox/mailbox.ts";
import type { Receivers } from "./mailbox/receivers.ts";
import type { Outbox } from "./outbox.ts";
import { Queues, type Received } from "./queues.ts";
import { Sends } from "./sends.ts";

/** The queues of one running actor, as the actor and its contexts use them. */
export class QueuePart implements Part {
  /** Messages from other actors and clients. */
  readonly sends: Sends;
  readonly inspector: QueueInspector;
  readonly #queues: Queues;

  constructor(actor: QueueDependencies) {
    this.#queues = new Queues(actor);
    this.sends = new Sends(this.#queues);
    this.inspector = new QueueInspector(this.#queues);
  }

  get mailbox(): Mailbox {
    return this.#queues.mailbox;
  }

  /** Receives that wait for messages. */
  get receivers(): Receivers {
    return this.#queues.receivers;
  }

  /** Messages to other actors. */
  get outbox(): Outbox {
    return this.#queues.outbox;
  }

  /** Creates `c.queue` of one context, the `owner`; `call` is the action that it belongs to. */
  facade(call: RunningCall | undefined, owner: object): ContextQueue {
    const facade = new ContextQueue(this.#queues, call === undefined ? 0 : 1, owner);
    call?.onEnd((succeeded) => facade.end(succeeded));
    return facade;
  }

  /** Undoes, in the open turn, the receipt of a plain message whose deletion may be durable. */
  requeueDeleted(received: Received): void {
    this.#queues.requeueDeleted(received);
  }

  /** Returns a message that its consumer has released: it is delivered again, or becomes a dead letter. */
  redeliverById(id: number, reason: string): void {
    this.#queues.redeliverById(id, reason);
  }

  /** Completes a message, even one held by another consumer. Throws `queue.already_completed`. */
  completeById(id: number, name: string, response: unknown): void | Promise<void> {
    return this.#queues.completeById(id, name, response);
  }

  get wakeAt(): number | undefined {
    return this.#queues.wakeAt;
  }

  load(hot: HotRecords): Promise<void> {
    return this.#queues.load(hot);
  }

  started(): void {
    this.#queues.started();
  }

  closing(): void {
    this.#queues.closing();
  }

  savepoint(): void {
    this.#queues.savepoint();
  }

  rollback(): void {
    this.#queues.rollback();
  }

  keep(): void {
    this.#queues.keep();
  }

  stopping(): void {
    this.#queues.stopping();
    this.sends.stopping();
  }

  stopped(): void {
    this.#queues.stopped();
  }
}
