import assert from "node:assert/strict";
import { test } from "node:test";
import { routeRules } from "../../../access/route-rules.ts";
import { wordsOf } from "./record-words.ts";

test("records are sentences with who, what and how", () => {
  const words = (type: string, data: Readonly<Record<string, string>> = {}) => {
    const { who, what, detail } = wordsOf({ type, data });
    return [who, what, detail];
  };
  const ada = { person: "3592", name: "Ada" };
  assert.deepEqual(words("person.signed_in", { ...ada, via: "passkey" }), [
    "Ada",
    "Signed in",
    "with a passkey",
  ]);
  assert.deepEqual(words("person.action", { ...ada, action: "organization.createTask", key: "local" }), [
    "Ada",
    "Create task",
    "",
  ]);
  assert.deepEqual(words("person.action", { person: "operator", action: "task.stop" }), [
    "operator",
    "Task: stop",
    "",
  ]);
  assert.deepEqual(words("person.sign_in_refused", { email: "a@b.example" }), [
    "",
    "Sign-in refused",
    "a@b.example",
  ]);
  assert.deepEqual(words("plugin.loaded", { plugin: "files" }), ["", "Plugin loaded", "files"]);
  assert.deepEqual(words("gate.open"), ["", "Gate open", ""]);
});

test("each request that is recorded has words", () => {
  const unrecorded = ["public", "machine", "node"];
  const recorded = Object.entries(routeRules).filter(
    ([route, rule]) => !unrecorded.includes(rule) && (!route.startsWith("GET ") || route.endsWith("/export")),
  );
  assert.ok(recorded.length > 30);
  for (const [route] of recorded)
    assert.notEqual(wordsOf({ type: "person.request", data: { route } }).what, route);
});
