import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeValue, isHoldfastError } from "@holdfast/core";
import { actor, actorLimits, optionDefaults, queue } from "../src/index.ts";
import { scheduleLimits } from "../src/limits.ts";
import { world } from "./harness.ts";

/** The part of a context that the rows use. */
// biome-ignore lint/suspicious/noExplicitAny: a row names the member that it tries.
type Context = any;

interface Row {
  readonly limit: string;
  readonly value: number;
  /** Tries a size in a separate actor. */
  readonly attempt: (c: Context, size: number) => unknown;
  readonly code: string;
}

const text = (bytes: number): string => "x".repeat(bytes);
const bytes = (length: number): Uint8Array => new Uint8Array(length);
/** CBOR overhead of a string of more than 64 KiB: its head, and that of the argument list. */
const textHead = 5;
const listHead = 1;
const every = { name: "n", interval: scheduleLimits.minIntervalMs, action: "never" };

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

/** The maximum: one less and the value itself are accepted, one more is not. */
const upTo: readonly Row[] = [
  {
    limit: "nesting of a state",
    value: actorLimits.maxStateDepth,
    // The state itself is the first level.
    attempt: (c, depth) => {
      c.state.value = nested(depth - 1);
    },
    code: "actor.invalid_state_value",
  },
  {
    limit: "jump past the end of an array",
    value: actorLimits.maxArrayGap,
    attempt: (c, gap) => {
      c.state.value = [];
      c.state.value[gap] = 1;
    },
    code: "actor.invalid_state_value",
  },
  {
    limit: "kv key",
    value: 2_048,
    attempt: (c, size) => c.kv.put(bytes(size), "v"),
    code: "kv.key_too_large",
  },
  {
    limit: "kv value",
    value: 2 * 1_048_576,
    attempt: (c, size) => c.kv.put("k", bytes(size)),
    code: "kv.value_too_large",
  },
  {
    limit: "keys of a kv batch",
    value: 16_384,
    attempt: (c, count) => c.kv.batchPut(Array.from({ length: count }, (_, i) => [`k${i}`, "v"])),
    code: "kv.too_many_keys",
  },
  {
    limit: "bytes of a kv batch",
    value: 16 * 1_048_576,
    attempt: (c, size) =>
      c.kv.batchPut(
        Array.from({ length: 16 }, (_, i) => [
          String.fromCharCode(97 + i),
          bytes(1_048_575 + (i === 0 ? size - 16 * 1_048_576 : 0)),
        ]),
      ),
    code: "kv.batch_too_large",
  },
  {
    limit: "name of a schedule",
    value: scheduleLimits.maxNameBytes,
    attempt: (c, size) => c.cron.every({ ...every, name: text(size) }),
    code: "schedule.invalid_name",
  },
  {
    limit: "arguments of a schedule",
    value: scheduleLimits.maxArgumentBytes,
    attempt: (c, size) => {
      const args = [text(size - textHead - listHead)];
      assert.equal(encodeValue(args).length, size);
      return c.schedule.after(1, "never", ...args);
    },
    code: "schedule.arguments_too_long",
  },
  {
    limit: "maxHistory of a schedule",
    value: scheduleLimits.maxHistory,
    attempt: (c, maxHistory) => c.cron.every({ ...every, maxHistory }),
    code: "schedule.invalid_max_history",
  },
  {
    limit: "jitterMs",
    value: scheduleLimits.maxJitterMs,
    attempt: (c, jitterMs) => c.cron.every({ ...every, interval: 10 * scheduleLimits.maxJitterMs, jitterMs }),
    code: "schedule.invalid_options",
  },
  {
    limit: "catchUp",
    value: scheduleLimits.maxCatchUp,
    attempt: (c, catchUp) => c.cron.every({ ...every, catchUp }),
    code: "schedule.invalid_options",
  },
  {
    limit: "attempts of a schedule",
    value: scheduleLimits.maxAttempts,
    attempt: (c, maxAttempts) => c.cron.every({ ...every, retry: { maxAttempts } }),
    code: "schedule.invalid_options",
  },
  {
    limit: "backoff of a schedule",
    value: scheduleLimits.maxBackoffMs,
    attempt: (c, maxMs) => c.cron.every({ ...every, retry: { maxMs } }),
    code: "schedule.invalid_options",
  },
  {
    limit: "time of a schedule",
    value: scheduleLimits.maxTimestamp,
    attempt: (c, at) => c.schedule.at(at, "never"),
    code: "schedule.invalid_time",
  },
  {
    limit: "schedules of an actor",
    value: optionDefaults.maxSchedules,
    attempt: async (c, count) => {
      for (let i = 0; i < count; i++) await c.schedule.after(1_000_000, "never");
    },
    code: "schedule.max_schedules_exceeded",
  },
  {
    limit: "messages of all queues",
    value: optionDefaults.maxQueueSize,
    attempt: async (c, count) => {
      for (let i = 0; i < count; i++) await c.queue.send(i % 2 === 0 ? "a" : "b", i);
    },
    code: "queue.full",
  },
  {
    limit: "body of a message",
    value: optionDefaults.maxQueueMessageSize,
    // A string of up to 65,535 bytes has a head of three bytes.
    attempt: (c, size) => c.queue.send("a", text(size - 3)),
    code: "queue.message_too_large",
  },
  {
    limit: "dedupeKey",
    value: 256,
    attempt: (c, size) => c.queue.send("a", 1, { dedupeKey: text(size) }),
    code: "queue.invalid_options",
  },
];

/** The minimum. */
const from: readonly Row[] = [
  {
    limit: "interval of c.cron.every",
    value: scheduleLimits.minIntervalMs,
    attempt: (c, interval) => c.cron.every({ ...every, interval }),
    code: "schedule.invalid_interval",
  },
  {
    limit: "attempts of a schedule",
    value: 1,
    attempt: (c, maxAttempts) => c.cron.every({ ...every, retry: { maxAttempts } }),
    code: "schedule.invalid_options",
  },
];

/** Undefined, or the error code; checks that the actor is unchanged. */
async function outcomeOf(row: Row, size: number): Promise<string | undefined> {
  const { create } = world();
  const instance = create(
    actor({
      state: { value: undefined as unknown },
      queues: { a: queue<unknown>(), b: queue<unknown>() },
      actions: { run: (c) => row.attempt(c, size), never: () => undefined, fine: () => true },
    }),
  );
  await instance.ready;
  try {
    await instance.invoke({ name: "run", args: [] });
    return undefined;
  } catch (error) {
    assert.ok(isHoldfastError(error), String(error));
    return `${error.group}.${error.code}`;
  } finally {
    await instance.invoke({ name: "fine", args: [] });
    await instance.sleep();
  }
}

describe("limits of an actor", () => {
  for (const row of upTo) {
    test(`${row.limit}: ${row.value} is accepted, one more is not`, async () => {
      assert.equal(await outcomeOf(row, row.value - 1), undefined);
      assert.equal(await outcomeOf(row, row.value), undefined);
      assert.equal(await outcomeOf(row, row.value + 1), row.code);
    });
  }
  for (const row of from) {
    test(`${row.limit}: ${row.value} is accepted, one less is not`, async () => {
      assert.equal(await outcomeOf(row, row.value - 1), row.code);
      assert.equal(await outcomeOf(row, row.value), undefined);
      assert.equal(await outcomeOf(row, row.value + 1), undefined);
    });
  }
});
