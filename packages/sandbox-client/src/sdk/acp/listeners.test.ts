import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { RequestPermissionRequest } from "./acp-types.ts";
import { SessionListeners } from "./listeners.ts";
import { PendingPermissions } from "./pending-permissions.ts";

/** What is reported meanwhile, and not printed. */
function reports(t: TestContext): () => unknown[] {
  const { mock } = t.mock.method(console, "error", () => {});
  return () => mock.calls.map((call) => call.arguments[1]);
}

const question: RequestPermissionRequest = {
  sessionId: "of-the-agent",
  toolCall: { toolCallId: "t" },
  options: [{ optionId: "yes", kind: "allow_once", name: "Yes" }],
};

describe("listeners of the sandbox client", () => {
  test("what one throws, at once or later, is reported and ends neither the others nor the process", async (t) => {
    const reported = reports(t);
    const listeners = new SessionListeners<string>();
    const [now, later] = [new Error("now"), new Error("later")];
    const heard: string[] = [];
    listeners.add("s", () => {
      throw now;
    });
    listeners.add("s", async () => {
      throw later;
    });
    listeners.add("s", (value) => heard.push(value));
    assert.equal(listeners.call("s", "x"), 2);
    await new Promise(setImmediate);
    assert.deepEqual(heard, ["x"]);
    assert.deepEqual(reported(), [now, later]);
  });

  test("a permission that its only listener throws at is cancelled, one that was answered before is not", async (t) => {
    const reported = reports(t);
    const desk = new PendingPermissions();
    const off = desk.onRequest("s", () => {
      throw new Error("cannot show it");
    });
    assert.deepEqual(await desk.ask("s", "a", question), { outcome: { outcome: "cancelled" } });
    off();
    desk.onRequest("s", ({ id }) => {
      desk.reply(id, "once");
      throw new Error("too late");
    });
    const selected = { outcome: "selected", optionId: "yes" };
    assert.deepEqual(await desk.ask("s", "a", question), { outcome: selected });
    assert.equal(reported().length, 2);
  });

  test("a permission stays with those who have taken it where another listener throws", async (t) => {
    reports(t);
    const desk = new PendingPermissions();
    const asked: string[] = [];
    desk.onRequest("s", () => {
      throw new Error("cannot show it");
    });
    desk.onRequest("s", ({ id }) => asked.push(id));
    const answer = desk.ask("s", "a", question);
    desk.reply(asked[0] ?? "", "once");
    assert.deepEqual(await answer, { outcome: { outcome: "selected", optionId: "yes" } });
  });
});
