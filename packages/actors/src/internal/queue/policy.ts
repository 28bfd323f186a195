/** Queues of one actor: sends, consumers, completions, and the outbox to other actors. */
import { HoldfastError, type StandardSchema } from "@holdfast/core";
import type { QueueOptions } from "../../queue.ts";
import { invalidDefinition, isFunction, isRecord } from "../definition/definition-checks.ts";
import { queueLimits } from "./limits.ts";

/** The options of a queue with every default. Durations in milliseconds. */
export interface Policy {
  readonly name: string;
  readonly maxAttempts: number;
  readonly backoff: { readonly minMs: number; readonly maxMs: number; readonly factor: number };
  readonly visibilityTimeoutMs: number | undefined;
  readonly deadLetter: string | undefined;
  readonly delayMs: number;
  readonly ttlMs: number | undefined;
  readonly priority: number;
  readonly dedupeKey: ((body: unknown) => string | undefined) | undefined;
  readonly dedupeWindowMs: number;
  readonly concurrency: number;
  readonly message: StandardSchema | undefined;
  readonly complete: StandardSchema | undefined;
  readonly canPublish: QueueOptions["canPublish"];
}

const knownOptions = new Set([
  "maxAttempts",
  "backoff",
  "visibilityTimeoutMs",
  "deadLetter",
  "delayMs",
  "ttlMs",
  "priority",
  "dedupeKey",
  "dedupeWindowMs",
  "concurrency",
  "message",
  "complete",
  "canPublish",
]);

/** Computed once per definition and shared by its actors. */
const policiesByQueues = new WeakMap<ReadonlyMap<string, QueueOptions>, ReadonlyMap<string, Policy>>();

/** Reads the policies of a definition's queues. Throws `actor.invalid_definition`. */
export function readPolicies(queues: ReadonlyMap<string, QueueOptions>): ReadonlyMap<string, Policy> {
  const before = policiesByQueues.get(queues);
  if (before !== undefined) return before;
  const policies = new Map<string, Policy>();
  for (const [name, options] of queues) policies.set(name, readPolicy(name, options));
  for (const { name, deadLetter } of policies.values()) {
    if (deadLetter !== undefined && (deadLetter === name || !policies.has(deadLetter))) {
      throw invalidDefinition(
        `the dead-letter queue "${deadLetter}" of "${name}" is not another queue of it`,
      );
    }
  }
  policiesByQueues.set(queues, policies);
  return policies;
}

export function isQueueName(name: string): boolean {
  return name !== "" && !name.includes("\0");
}

/** The policy of one queue. Throws `actor.invalid_definition`. */
export function readPolicy(name: string, options: QueueOptions): Policy {
  if (!isQueueName(name)) throw invalidDefinition("a queue has a name without NUL");
  for (const key of Object.keys(options)) {
    if (!knownOptions.has(key)) throw invalidDefinition(`"${key}" is not an option of the queue "${name}"`);
  }
  const integer = (value: unknown, what: string, least: number): number | undefined => {
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
    throw invalidDefinition(`"${what}" of the queue "${name}" is not an integer from ${least}`);
  };
  const duration = (value: unknown, what: string): number | undefined => integer(value, what, 0);
  const backoff: unknown = options.backoff ?? {};
  if (!isRecord(backoff)) throw invalidDefinition(`"backoff" of the queue "${name}" is not an object`);
  const factor = backoff.factor ?? 2;
  if (typeof factor !== "number" || !(factor >= 1)) {
    throw invalidDefinition(`"backoff.factor" of the queue "${name}" is not a number from 1`);
  }
  const minMs = duration(backoff.minMs, "backoff.minMs") ?? (options.backoff === undefined ? 0 : 1_000);
  const { priority = 0, deadLetter, dedupeKey, canPublish } = options;
  if (typeof priority !== "number" || !Number.isFinite(priority)) {
    throw invalidDefinition(`"priority" of the queue "${name}" is not a number`);
  }
  if (dedupeKey !== undefined && !isFunction(dedupeKey)) {
    throw invalidDefinition(`"dedupeKey" of the queue "${name}" is not a function`);
  }
  return {
    name,
    maxAttempts: integer(options.maxAttempts, "maxAttempts", 1) ?? Number.POSITIVE_INFINITY,
    backoff: { minMs, maxMs: duration(backoff.maxMs, "backoff.maxMs") ?? 3_600_000, factor },
    visibilityTimeoutMs: integer(options.visibilityTimeoutMs, "visibilityTimeoutMs", 1),
    deadLetter,
    delayMs: duration(options.delayMs, "delayMs") ?? 0,
    ttlMs: integer(options.ttlMs, "ttlMs", 1),
    priority,
    dedupeKey: dedupeKey as ((body: unknown) => string | undefined) | undefined,
    dedupeWindowMs: duration(options.dedupeWindowMs, "dedupeWindowMs") ?? queueLimits.dedupeWindowMs,
    concurrency: integer(options.concurrency, "concurrency", 1) ?? 1,
    message: options.message,
    complete: options.complete,
    canPublish,
  };
}

/** Delay before the next delivery after `attempt` failed ones. */
export function backoffMs({ backoff }: Policy, attempt: number): number {
  return Math.min(backoff.maxMs, Math.round(backoff.minMs * backoff.factor ** Math.max(0, attempt - 1)));
}

export interface SendSettings {
  readonly delayMs: number;
  readonly priority: number;
  readonly ttlMs: number | undefined;
  readonly dedupeKey: string | undefined;
}

/** Options of one send, which override the policy of the queue. Throws `queue.invalid_options`. */
export function readSendOptions(policy: Policy, options: unknown, body: unknown): SendSettings {
  const sendOptions = options ?? {};
  if (!isRecord(sendOptions)) throw invalidOptions("the options are not an object");
  const number = (name: "delayMs" | "priority" | "ttlMs", least: number): number | undefined => {
    const value = sendOptions[name] ?? undefined;
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isFinite(value) && value >= least) return value;
    throw invalidOptions(
      `"${name}" is not a number${least > Number.NEGATIVE_INFINITY ? ` from ${least}` : ""}`,
    );
  };
  const dedupeKey = sendOptions.dedupeKey ?? policy.dedupeKey?.(body) ?? undefined;
  if (dedupeKey !== undefined) {
    if (typeof dedupeKey !== "string") throw invalidOptions('"dedupeKey" is not a string');
    if (dedupeKey.length > queueLimits.maxDedupeKeyLength) {
      throw invalidOptions(`"dedupeKey" is longer than ${queueLimits.maxDedupeKeyLength} characters`);
    }
  }
  return {
    delayMs: Math.ceil(number("delayMs", 0) ?? policy.delayMs),
    priority: number("priority", Number.NEGATIVE_INFINITY) ?? policy.priority,
    ttlMs: number("ttlMs", 1) ?? policy.ttlMs,
    dedupeKey,
  };
}

export function invalidOptions(why: string): HoldfastError {
  return new HoldfastError("queue", "invalid_options", `The options of the queue call are invalid: ${why}`);
}
