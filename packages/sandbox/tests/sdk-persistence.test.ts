import assert from "node:assert/strict";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  InMemorySessionPersistDriver,
  SandboxAgent,
  type SessionEvent,
  type SessionRecord,
} from "@holdfast/sandbox-client";
import { startSandbox, withScript } from "./harness.ts";

/** Storage that rejects answers only. */
class Forgetful extends InMemorySessionPersistDriver {
  override async insertEvent(sessionId: string, event: SessionEvent): Promise<void> {
    if (event.sender === "client" && !("method" in event.payload)) throw new Error("the disk is full");
    await super.insertEvent(sessionId, event);
  }
}

test("an answer that cannot be stored reaches its agent and is reported by the prompt", async (t) => {
  const sandbox = await startSandbox(t);
  const { url: baseUrl, fetch } = sandbox;
  const agent = await SandboxAgent.connect({ baseUrl, fetch, persist: new Forgetful() });
  t.after(() => agent.dispose());
  const session = await agent.createSession({ agent: "demo", cwd: sandbox.work });
  session.onPermissionRequest(({ id }) => void session.respondPermission(id, "once"));
  const prompt = session.prompt([{ type: "text", text: "write notes" }]);
  await assert.rejects(prompt, { code: "persist_failed", message: /the disk is full/ });
  await access(join(sandbox.work, "NOTES.md"));
});

test("a prompt does not overwrite the record of a session that was destroyed in between", async (t) => {
  const sandbox = await startSandbox(t);
  const updates: string[] = [];
  class Watched extends InMemorySessionPersistDriver {
    override async updateSession(record: SessionRecord): Promise<void> {
      updates.push(record.destroyedAt === undefined ? "open" : "destroyed");
      await super.updateSession(record);
    }
  }
  const { url: baseUrl, fetch } = sandbox;
  const agent = await SandboxAgent.connect({ baseUrl, fetch, persist: new Watched() });
  t.after(() => agent.dispose());
  const session = await agent.createSession({ agent: "demo", cwd: sandbox.work });
  const opened = updates.length;
  await session.prompt([{ type: "text", text: "say hello" }]);
  assert.deepEqual(updates.slice(opened), []);
  await agent.destroySession(session.id);
  await agent.resumeSession(session.id);
  assert.deepEqual(updates.slice(opened), ["destroyed", "open"]);
});

test("a message directly after the response that opens a session is one of its events", async (t) => {
  const source = `
    import { createInterface } from "node:readline";
    for await (const line of createInterface({ input: process.stdin })) {
      const { id, method } = JSON.parse(line);
      const options = (currentValue) => [{ id: "model", name: "Model", type: "select", category: "model", currentValue, options: [] }];
      const update = { sessionUpdate: "config_option_update", configOptions: options("large") };
      const said = { jsonrpc: "2.0", method: "session/update", params: { sessionId: "its", update } };
      const result = { sessionId: "its", stopReason: "end_turn", configOptions: options("small") };
      const answer = JSON.stringify({ jsonrpc: "2.0", id, result });
      process.stdout.write(method === "session/new" ? answer + "\\n" + JSON.stringify(said) + "\\n" : answer + "\\n");
    }`;
  const sandbox = await startSandbox(t, "unix", { agents: await withScript(t, "eager", source) });
  const { url: baseUrl, fetch } = sandbox;
  const agent = await SandboxAgent.connect({ baseUrl, fetch });
  t.after(() => agent.dispose());
  const session = await agent.createSession({ agent: "eager", cwd: sandbox.work });
  await session.prompt([{ type: "text", text: "hello" }]);
  const { items } = await agent.getEvents({ sessionId: session.id });
  const methods = items.map(({ payload }) => ("method" in payload ? payload.method : "answer"));
  assert.deepEqual(methods, ["session/new", "answer", "session/update", "session/prompt", "answer"]);
  const [model] = await session.getConfigOptions();
  assert.equal(model?.currentValue, "large");
});
