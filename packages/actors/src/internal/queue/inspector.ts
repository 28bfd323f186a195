import { decodeValue, HoldfastError } from "@holdfast/core";
import type { InspectedMessage, InspectedQueue } from "./inspected.ts";
import type { MessageState } from "./mailbox/message.ts";
import type { MessageRecord } from "./mailbox/records.ts";
import type { Queues } from "./queues.ts";

/** Operations of the inspector on the queues of an actor in memory. Every change commits as a turn of its own. */
export class QueueInspector {
  readonly #queues: Queues;
  /** Settles when earlier operations on dead letters have finished. */
  #letters: Promise<unknown> = Promise.resolve();

  constructor(queues: Queues) {
    this.#queues = queues;
  }

  get size(): number {
    return this.#queues.mailbox.size;
  }

  get names(): readonly string[] {
    return [...this.#queues.policies.keys()];
  }

  /** The oldest `limit` messages. */
  async list(limit: number): Promise<InspectedQueue> {
    const { mailbox, actor } = this.#queues;
    const all = [...mailbox.all].filter(({ state }) => state !== "taken").sort((a, b) => a.id - b.id);
    const messages = await Promise.all(
      all.slice(0, limit).map((message) => this.#present(message, statusOf(message.state))),
    );
    const { maxQueueSize } = actor.definition.options;
    return { size: all.length, maxSize: maxQueueSize, truncated: all.length > limit, messages };
  }

  /** Puts a message into a queue without checking `canPublish`. Throws the errors of `c.queue.send`. */
  async send(
    name: string,
    body: unknown,
    options?: unknown,
  ): Promise<{ readonly id: number; readonly name: string; readonly createdAt: number }> {
    const queues = this.#queues;
    const policy = queues.policy(name);
    const valid = await queues.validated(policy, body);
    await queues.outside();
    const { id, message } = queues.enqueue(policy, valid, options);
    await queues.actor.queue.gate();
    return { id, name, createdAt: message?.createdAt ?? queues.actor.ports.clock.now() };
  }

  /** Deletes every message that no consumer holds; returns their number. */
  async clear(): Promise<number> {
    const { mailbox, actor } = this.#queues;
    await this.#queues.outside();
    const waiting = [...mailbox.all].filter(({ state }) => state === "ready" || state === "delayed");
    for (const message of waiting) mailbox.remove(message);
    await actor.queue.gate();
    return waiting.length;
  }

  /** Deletes one message. Returns false if it does not exist or a consumer holds it. */
  async delete(id: number): Promise<boolean> {
    const { mailbox, actor } = this.#queues;
    await this.#queues.outside();
    const message = mailbox.find(id);
    if (message === undefined || (message.state !== "ready" && message.state !== "delayed")) return false;
    mailbox.remove(message);
    await actor.queue.gate();
    return true;
  }

  /** The oldest `limit` dead letters. */
  async deadLetters(limit: number): Promise<readonly InspectedMessage[]> {
    const letters = await this.#queues.mailbox.deadLetters.list();
    return Promise.all(letters.slice(0, limit).map((letter) => this.#present(letter, "dead")));
  }

  /** Returns a dead letter to its queue. Throws `queue.message_not_found`, `queue.full`. */
  async retry(id: number): Promise<void> {
    await this.#withLetter(id, (letter) => this.#queues.mailbox.revive(letter));
    await this.#queues.actor.queue.gate();
  }

  /** Deletes a dead letter. Throws `queue.message_not_found`. */
  async deleteDeadLetter(id: number): Promise<void> {
    await this.#withLetter(id, (letter) => this.#queues.mailbox.deadLetters.delete(letter));
    await this.#queues.actor.queue.gate();
  }

  /** Runs one operation at a time: of two on the same letter, the second finds it gone. */
  #withLetter(id: number, act: (letter: MessageRecord) => void): Promise<void> {
    const done = this.#letters.then(async () => {
      const letter = await this.#letter(id);
      await this.#queues.outside();
      act(letter);
    });
    this.#letters = done.catch(() => undefined);
    return done;
  }

  async #letter(id: number): Promise<MessageRecord> {
    const letter = (await this.#queues.mailbox.deadLetters.list()).find((each) => each.id === id);
    if (letter !== undefined) return letter;
    throw new HoldfastError("queue", "message_not_found", "There is no dead letter with this id", {
      statusCode: 404,
      metadata: { id },
    });
  }

  async #present(message: MessageRecord, status: InspectedMessage["status"]): Promise<InspectedMessage> {
    const body = decodeValue(await this.#queues.mailbox.bodyOf(message), { maxDepth: 1_010 });
    const { id, queue, createdAt, attempt, priority, availableAt, expiresAt, death } = message;
    return {
      id,
      name: queue,
      createdAt,
      attempt,
      priority,
      status,
      availableAt: availableAt === 0 ? undefined : availableAt,
      expiresAt: expiresAt === 0 ? undefined : expiresAt,
      body,
      death,
    };
  }
}

function statusOf(state: MessageState): InspectedMessage["status"] {
  return state === "out" || state === "delayed" ? state : "ready";
}
