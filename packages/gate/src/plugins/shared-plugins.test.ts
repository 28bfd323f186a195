import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError, isErrorCode, silentLogger } from "@holdfast/core";
import { callShared, type SharedPlugins, sharedDataOf } from "./shared-plugins.ts";

const call = {
  tool: "memory_search",
  arguments: {},
  context: { sessionId: "s", group: "g", userId: "u" },
} as never;

/** Calls a plugin whose data answers with `invoke`. */
function callWith(invoke: SharedPlugins["invoke"], timeoutMs: number, signal = new AbortController().signal) {
  const shared: SharedPlugins = {
    has: () => true,
    invoke,
    verify: async () => {},
    moveIn: async () => 0,
    attach: () => () => {},
  };
  return callShared(shared, "memory", call, { timeoutMs, signal, log: silentLogger });
}

/** Data that does not answer before the call is given up. */
const silent: SharedPlugins["invoke"] = (_plugin, _call, signal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

test("an error of the plugin's own code is that of the call", async () => {
  const own = new HoldfastError("internal", "internal_error", "An internal error occurred");
  await assert.rejects(
    callWith(() => Promise.reject(own), 60_000),
    (error) => error === own,
  );
});

test("data that does not answer in time is a timeout, and data that is away is unavailable", async () => {
  await assert.rejects(callWith(silent, 20), (error) => isErrorCode(error, "plugin", "timeout"));
  const away = new HoldfastError("actor", "no_node", "No node");
  await assert.rejects(
    callWith(() => Promise.reject(away), 60_000),
    (error) => isErrorCode(error, "plugin", "unavailable"),
  );
});

test("a call that is given up ends with the reason", async () => {
  const controller = new AbortController();
  const waiting = callWith(silent, 60_000, controller.signal);
  const reason = new Error("The agent has left");
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
});

test("only built-in plugins have shared data", () => {
  const shared: SharedPlugins = {
    has: (plugin) => plugin === "memory",
    ...{ invoke: silent, verify: async () => {}, moveIn: async () => 0, attach: () => () => {} },
  };
  const name = (text: string) => text as never;
  assert.equal(sharedDataOf(shared, { name: name("memory"), source: "built-in" }), shared);
  assert.equal(sharedDataOf(shared, { name: name("memory"), source: "user" }), undefined);
  assert.equal(sharedDataOf(shared, { name: name("http"), source: "built-in" }), undefined);
  assert.equal(sharedDataOf(undefined, { name: name("memory"), source: "built-in" }), undefined);
});
