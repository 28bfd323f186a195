import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogFields, Logger } from "@holdfast/core";
import { actorLogger } from "./logger.ts";

function recorder(bound: LogFields = {}): { readonly logger: Logger; readonly lines: unknown[][] } {
  const lines: unknown[][] = [];
  const at = (level: string, extra: LogFields) => (message: string, fields?: LogFields) =>
    void lines.push([level, message, { ...extra, ...fields }]);
  const make = (extra: LogFields): Logger => ({
    debug: at("debug", extra),
    info: at("info", extra),
    warn: at("warn", extra),
    error: at("error", extra),
    child: (fields) => make({ ...extra, ...fields }),
  });
  return { logger: make(bound), lines };
}

test("accepts a message with fields, and fields with a message", () => {
  const { logger, lines } = recorder();
  const log = actorLogger(logger);
  log.info("hello");
  log.info("hello", { a: 1 });
  log.warn({ a: 1 }, "hello");
  log.error({ msg: "hello", a: 1 });
  log.debug({ a: 1 });
  log.trace("quiet");
  const { fatal } = log;
  fatal("loud");
  assert.deepEqual(lines, [
    ["info", "hello", {}],
    ["info", "hello", { a: 1 }],
    ["warn", "hello", { a: 1 }],
    ["error", "hello", { a: 1 }],
    ["debug", "", { a: 1 }],
    ["debug", "quiet", {}],
    ["error", "loud", {}],
  ]);
});

test("logs all other kinds of arguments", () => {
  const { logger, lines } = recorder();
  const log = actorLogger(logger);
  const error = new Error("broken");
  log.info("counted", 1, "two");
  log.error("failed", error);
  log.info("with both", { a: 1 }, 2);
  (log.error as (value: unknown) => void)(error);
  log.error({ err: error }, "caught");
  assert.deepEqual(lines, [
    ["info", "counted", { details: [1, "two"] }],
    ["error", "failed", { details: [error.stack] }],
    ["info", "with both", { a: 1, details: [2] }],
    ["error", "broken", { error: error.stack }],
    ["error", "caught", { err: error.stack }],
  ]);
});

test("children inherit the bound fields", () => {
  const { logger, lines } = recorder({ actorId: "a" });
  actorLogger(logger).child({ step: 1 }).info({ a: 1 }, "hello");
  assert.deepEqual(lines, [["info", "hello", { actorId: "a", step: 1, a: 1 }]]);
});
