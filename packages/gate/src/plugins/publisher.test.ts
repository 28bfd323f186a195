import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { parseManifest } from "./manifest/manifest.ts";
import { pluginName } from "./manifest/names.ts";
import { pluginLimits } from "./plugin-limits.ts";
import { Publisher, subscribes } from "./publisher.ts";

let now = 1_700_000_000_000;
const clock = { now: () => now };

function manifest(extra: Record<string, unknown> = {}, channels: readonly string[] = ["chat"]) {
  return parseManifest(
    JSON.stringify({
      description: "d",
      version: "1.0.0",
      app_compat: ">=0.1.0",
      author: { name: "n" },
      provides: { channels, tools: [] },
      subscribes: [],
      ...extra,
    }),
  );
}

const event = { topic: "task.triggered", group: "alpha", payload: { prompt: "p" } };

/** What is said against an event; undefined when it is taken. */
function problem(given: unknown, of = manifest()): string | undefined {
  try {
    new Publisher(clock).envelope(pluginName("one"), of, given);
    return undefined;
  } catch (error) {
    assert.ok(isErrorCode(error, "plugin", "invalid_event"), String(error));
    return error.message;
  }
}

test("an event is an envelope of the gate, whatever it says of itself", () => {
  const given = { ...event, source: "root", id: "mine", version: 9, type: "call", correlation: "c" };
  const envelope = new Publisher(clock).envelope(pluginName("one"), manifest(), given);
  assert.notEqual(envelope.id, "mine");
  assert.deepEqual(
    { ...envelope, id: "" },
    {
      ...{ id: "", version: 1, type: "event", topic: "task.triggered", source: "plugin:one" },
      ...{ correlation: null, timestamp: "2023-11-14T22:13:20.000Z", group: "alpha" },
      payload: { prompt: "p" },
    },
  );
});

test("only plugins with channels publish, and only to the groups of their manifest", () => {
  assert.equal(problem(event), undefined);
  assert.match(problem(event, manifest({}, [])) ?? "", /Only plugins with channels/);
  const inBeta = manifest({ allowed_groups: ["beta"] });
  assert.match(
    problem(event, inBeta) ?? "",
    /may not publish to this group: "alpha". Its manifest allows beta$/,
  );
  assert.equal(problem({ ...event, group: undefined }, inBeta), undefined);
});

test("invalid events and the gate's own topics are refused", () => {
  for (const each of [null, undefined, "text", 5])
    assert.match(problem(each) ?? "", /An event must be an object/);
  const topics = ["tool.invoke.x", "plugin.loaded", "agent", "response.x", "approval.x", "one", "", "A.b", 5];
  for (const topic of [...topics, `a${".b".repeat(8)}`, "task.", "task.a b"])
    assert.match(problem({ ...event, topic }) ?? "", /may not publish this topic/, `${topic}`);
  for (const group of ["../alpha", "", " ", "a b", "x".repeat(65), 5, ".hidden"])
    assert.match(problem({ ...event, group }) ?? "", /group name is invalid/, `${group}`);
  for (const payload of [undefined, null, "text", ["list"], 5])
    assert.match(problem({ ...event, payload }) ?? "", /payload must be an object/, JSON.stringify(payload));
});

test("a refusal shows the value and the rule", () => {
  assert.match(
    problem({ ...event, topic: "Task" }) ?? "",
    /: "Task"\. A topic must have two to eight words of a-z, 0-9 and _.* not be tool, plugin, agent, response or approval$/,
  );
  assert.match(problem({ ...event, group: "a b" }) ?? "", /: "a b"\. A name must have 1 to 64 letters/);
  assert.match(problem({ ...event, topic: undefined }) ?? "", /: none\. A topic/);
  assert.ok((problem({ ...event, topic: "x".repeat(5_000) }) ?? "").length < 400);
  const inbound = problem({ ...event, topic: "message.inbound" }) ?? "";
  assert.match(inbound, /channel .*sender .*body .*content_type .*metadata .*nothing else/);
});

test("the size limit of a payload is exact", () => {
  const sized = (bytes: number) => ({
    ...event,
    payload: { text: "x".repeat(bytes - '{"text":""}'.length) },
  });
  assert.equal(problem(sized(pluginLimits.maxEventBytes)), undefined);
  assert.match(problem(sized(pluginLimits.maxEventBytes + 1)) ?? "", /more than 65536 bytes/);
});

test("the payload of message.inbound is validated", () => {
  const message = { channel: "mail", sender: "a@b", content_type: "text", body: "hi" };
  const inbound = (change: Record<string, unknown>) =>
    problem({ ...event, topic: "message.inbound", payload: { ...message, ...change } });
  assert.equal(inbound({}), undefined);
  assert.equal(inbound({ metadata: { thread: 1 }, content_type: "voice" }), undefined);
  const wrong = [
    ...[{ channel: "x".repeat(65) }, { channel: 5 }, { sender: "x".repeat(257) }, { sender: undefined }],
    ...[{ body: "x".repeat(8_193) }, { body: {} }, { content_type: "html" }, { metadata: [] }, { more: 1 }],
  ];
  for (const each of wrong)
    assert.match(inbound(each) ?? "", /payload of message\.inbound must have/, JSON.stringify(each));
});

test("a burst is taken, then so many a second", () => {
  const publisher = new Publisher(clock);
  const publish = () => publisher.envelope(pluginName("one"), manifest(), event);
  for (let count = 0; count < pluginLimits.publishBurst; count++) publish();
  assert.throws(publish, (error) => isErrorCode(error, "plugin", "too_many_events"));
  now += 1_000;
  for (let count = 0; count < pluginLimits.publishPerSecond; count++) publish();
  assert.throws(publish, (error) => isErrorCode(error, "plugin", "too_many_events"));
});

test("a subscription is a topic, or the beginning of some", () => {
  assert.ok(subscribes("task.*", "task.triggered") && subscribes("task.triggered", "task.triggered"));
  assert.ok(!subscribes("task.*", "tasks.x") && !subscribes("task.trig", "task.triggered"));
});
