import { HoldfastError, isErrorCode } from "@holdfast/core";
import type { QueueMessage } from "../../../queue.ts";
import { alreadyCompleted, previousNotCompleted } from "../../queue/delivery.ts";
import type { Entry } from "../history/history.ts";
import { recorded } from "../history/history.ts";
import type { Scope } from "../run/scope.ts";
import { invalid, isRecord, wholeNumber } from "./step-settings.ts";
import { checkTimeout } from "./waits.ts";

interface ReceiveSettings {
  readonly names: readonly string[] | undefined;
  readonly timeout: number | undefined;
  readonly completable: boolean;
  readonly count: number;
}

/** The recorded form of a received message. */
export interface ReceivedRecord {
  readonly id: number;
  readonly name: string;
  readonly body: unknown;
  readonly createdAt: number;
  readonly attempt: number;
}

/** Receives messages durably: they are part of the history, and are returned again in a replay. */
export function receive(scope: Scope, name: string, options: unknown, batch: boolean): Promise<unknown[]> {
  const settings = receiveSettings(options, batch);
  return scope.operate(name, "message", "a receive", async (entry) => {
    const { run } = scope;
    // From here on this run holds the messages that an earlier run received and did not complete.
    const before = entry.status === "completed";
    if (!before && run.openMessages.size > 0) throw previousNotCompleted();
    const records = before ? receivedRecords(entry) : await take(scope, entry, settings);
    if (records.length === 0 && !batch) throw timedOut(name, settings.timeout);
    return records.map((message) => present(scope, entry, message, settings.completable, before));
  });
}

function receiveSettings(options: unknown, batch: boolean): ReceiveSettings {
  const receiveOptions = options ?? {};
  if (!isRecord(receiveOptions)) throw invalid("a receive takes a name and an object of options");
  const { names, timeout, completable, count } = receiveOptions;
  if (names !== undefined && (!Array.isArray(names) || names.some((name) => typeof name !== "string"))) {
    throw invalid('"names" is not a list of queues');
  }
  return {
    names,
    timeout: checkTimeout(timeout),
    completable: completable === true,
    count:
      batch && count !== undefined ? Math.max(1, wholeNumber(count, "count", Number.NEGATIVE_INFINITY)) : 1,
  };
}

async function take(
  scope: Scope,
  entry: Entry,
  settings: ReceiveSettings,
): Promise<readonly ReceivedRecord[]> {
  const { run, fiber } = scope;
  const { queues } = run.actor.parts;
  const { names, completable, count, timeout } = settings;
  if (entry.status === "pending") {
    entry.status = "running";
    entry.data = timeout === undefined ? {} : { deadline: run.now() + timeout };
    // Without a deadline, a replay needs nothing from the record.
    if (timeout !== undefined) run.history.save(entry);
  }
  const deadline = entry.data.deadline as number | undefined;
  for (;;) {
    await run.outsideTransaction();
    fiber.check();
    const consumer = queues.facade(undefined, scope);
    const found = await consumer.tryNextBatch({ ...(names && { names }), completable, count });
    // Reading bodies from the store takes time: a branch that has lost in the meantime returns its messages.
    await run.outsideTransaction();
    if (fiber.cancelled !== undefined) consumer.end(false);
    fiber.check();
    if (found.length > 0 || (deadline !== undefined && deadline <= run.now())) {
      const messages = found.map(keep);
      entry.data = { messages, completed: [], ...(!completable && { plain: true }) };
      run.history.complete(entry, run.now());
      // In the same turn: a plain message is deleted with the record of its receipt.
      consumer.detach();
      await run.durable();
      return messages;
    }
    await fiber.wait(deadline, (arrived) => {
      const controller = new AbortController();
      queues
        .facade(undefined, scope)
        .waitForAvailable(names, { signal: controller.signal })
        .then(arrived, () => {
          // The wait was over, or the actor stops: either way somebody else settles it.
        });
      return () => controller.abort();
    });
  }
}

export function receivedRecords(entry: Entry): readonly ReceivedRecord[] {
  return entry.data.messages as readonly ReceivedRecord[];
}

/** True if its messages left their queues with the record of the receipt; earlier records do not say. */
export function isPlainReceive({ kind, data }: Entry): boolean {
  return kind === "message" && data.plain === true;
}

function keep({ id, name, body, createdAt, attempt }: QueueMessage): ReceivedRecord {
  return { id, name, body, createdAt, attempt };
}

function present(
  scope: Scope,
  entry: Entry,
  message: ReceivedRecord,
  completable: boolean,
  before: boolean,
): QueueMessage {
  const copy = { ...message, body: recorded(message.body) };
  if (!completable) return copy;
  const { run } = scope;
  const { queues } = run.actor.parts;
  const completed = (): readonly number[] => entry.data.completed as readonly number[];
  let endedBefore = completed().includes(message.id);
  let ended = false;
  if (!endedBefore) run.openMessages.set(message.id, entry);
  const end = (): void => {
    ended = true;
    run.openMessages.delete(message.id);
    entry.data = { ...entry.data, completed: [...completed(), message.id] };
    run.history.save(entry);
  };
  return {
    ...copy,
    complete: async (response?: unknown) => {
      // From here on the runtime works, which may read the clock.
      run.guard.leave();
      // A message that was returned in between belongs to another receiver.
      if (ended || (!endedBefore && !run.openMessages.has(message.id))) throw alreadyCompleted();
      if (endedBefore) {
        endedBefore = false;
        ended = true;
        return;
      }
      try {
        if (run.actor.inTransaction) await run.outsideTransaction();
        const completing = queues.completeById(message.id, message.name, response);
        if (completing !== undefined) await completing;
      } catch (error) {
        // A crash may have happened between the completion and its record.
        if (!before || !isErrorCode(error, "queue", "already_completed")) throw error;
      }
      end();
    },
  };
}

function timedOut(name: string, timeoutMs: number | undefined): HoldfastError {
  const message = `queue.next("${name}") timed out before receiving a message. Use queue.nextBatch() if that is expected.`;
  return new HoldfastError("queue", "timed_out", message, { metadata: { timeoutMs } });
}
