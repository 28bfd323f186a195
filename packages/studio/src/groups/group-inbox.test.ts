/** Authentication, routing and taint of incoming events for groups. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode, silentLogger } from "@holdfast/core";
import { type EventEnvelope, openVault } from "@holdfast/gate";
import type { GroupEvent } from "../backend/group-state.ts";
import { GroupInbox } from "./group-inbox.ts";
import { GroupRegistry } from "./group-registry.ts";
import { groupsFile } from "./group-settings.ts";

const secret = "s3cret-of-the-webhook";

async function createInbox(t: TestContext) {
  const data = mkdtempSync(join(tmpdir(), "holdfast-groups-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const webhooks = {
    ci: { secret: "hook-ci", prompt: "Look" },
    open: { secret: "not-there", prompt: "Look" },
  };
  const home = { agent: "demo", webhooks, plugins: ["chat"] };
  const watch = { agent: "demo", events: ["notice.*"] };
  writeFileSync(join(data, groupsFile), JSON.stringify({ version: 1, groups: { home, watch } }));
  const vault = openVault(data);
  await vault.setSecret({ name: "hook-ci", owner: {} }, secret);
  const inbox = new GroupInbox(GroupRegistry.open(data, silentLogger), silentLogger);
  const events: GroupEvent[] = [];
  inbox.open(async (_group, event) => {
    events.push(event);
    const { id, topic, source } = event;
    const begun = { seq: events.length, title: "", state: "waiting" as const, receivedAt: 0 };
    return { ...{ id, topic, source }, ...begun, tainted: event.taint !== undefined, duplicate: false };
  });
  const hook = (place: { group: string; hook: string }, authorization: string) =>
    inbox.acceptFromWebhook(
      place,
      {
        headers: { authorization, contentType: "text/plain" },
        body: Buffer.from("x".repeat(16_001)),
        deliveryId: "d1",
      },
      vault,
    );
  return { inbox, events, hook };
}

test("a webhook responds the same to a wrong name and a wrong secret, and its text is untrusted", async (t) => {
  const { hook, events } = await createInbox(t);
  const bearer = `Bearer ${secret}`;
  const wrong: readonly [group: string, hook: string, authorization: string][] = [
    ["gone", "ci", bearer],
    ["home", "gone", bearer],
    ["home", "ci", "Bearer other"],
    ["home", "ci", ""],
    ["home", "open", "Bearer undefined"],
  ];
  for (const [group, name, authorization] of wrong) {
    await assert.rejects(hook({ group, hook: name }, authorization), (error) =>
      isErrorCode(error, "group", "webhook_refused"),
    );
  }
  assert.equal(events.length, 0);
  await hook({ group: "home", hook: "ci" }, bearer);
  const [event] = events;
  assert.equal(event?.taint, "webhook.received of webhook:ci");
  assert.match(event.text, /^Look\n\n.*BEGIN d1\nx{16000}\n\[The rest is omitted\.\]\nEND d1$/s);
});

const envelope = (source: string, group: string, topic = "message.inbound"): EventEnvelope => ({
  ...{ id: "1", version: 1, type: "event", topic, source, correlation: null, group },
  timestamp: "2026-01-01T00:00:00.000Z",
  payload: { channel: "chat", sender: "eve", content_type: "text", body: "hi" },
});
const manifest = {
  ...{ description: "d", version: "1.0.0", app_compat: ">=0.1.0", author: { name: "n" } },
  ...{ provides: { channels: ["chat"], tools: [] }, subscribes: [] },
};

test("an event needs a configured group that accepts events of its plugin", async (t) => {
  const { inbox, events } = await createInbox(t);
  await assert.rejects(
    async () => inbox.acceptFromPlugin(envelope("plugin:chat", "gone"), manifest),
    (error) => isErrorCode(error, "group", "not_found"),
  );
  await assert.rejects(
    async () => inbox.acceptFromPlugin(envelope("plugin:other", "home"), manifest),
    (error) => isErrorCode(error, "group", "event_not_taken"),
  );
  await inbox.acceptFromPlugin(envelope("plugin:chat", "home"), manifest);
  assert.deepEqual(
    events.map(({ source, taint }) => [source, taint]),
    [["plugin:chat", "message.inbound of plugin:chat"]],
  );
});

test("an event with a topic that no group lists only reaches the subscribed plugins", async (t) => {
  const { inbox, events } = await createInbox(t);
  for (const group of ["home", "gone"])
    await inbox.acceptFromPlugin(envelope("plugin:notify", group, "notice.added"), manifest);
  assert.equal(events.length, 0);
  await inbox.acceptFromPlugin(envelope("plugin:notify", "watch", "notice.added"), manifest);
  assert.equal(events[0]?.taint, "notice.added of plugin:notify");
});
