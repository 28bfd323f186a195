import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { field, openSession, startSandbox, transports, updates } from "./harness.ts";

for (const transport of transports) {
  describe(`the demo agent over ${transport}`, () => {
    test("takes a prompt with every character that JSON leaves as it is", async (t) => {
      const session = await openSession(await startSandbox(t, transport), { allow: true });
      const result = await session.prompt("hello\u2028\u2029\u0085 there");
      assert.equal(field(result, "stopReason"), "end_turn");
    });

    test("plans, thinks, reads, asks, edits and reports", async (t) => {
      const sandbox = await startSandbox(t, transport);
      const session = await openSession(sandbox, { allow: true });
      const line = `line ${Math.random()}`;
      const result = await session.prompt(`add the line "${line}" to the README`);
      assert.equal(field(result, "stopReason"), "end_turn");
      assert.equal(await readFile(join(sandbox.work, "README.md"), "utf8"), `# Sample\n${line}\n`);
      const kinds = new Set(updates(session.seen).map((update) => field(update, "sessionUpdate")));
      for (const kind of [
        "plan",
        "agent_thought_chunk",
        "agent_message_chunk",
        "tool_call",
        "tool_call_update",
        "usage_update",
      ]) {
        assert.ok(kinds.has(kind), `no ${kind}`);
      }
      const diff = updates(session.seen).find((update) => field(update, "kind") === "edit");
      assert.equal(field(diff, "content", 0, "oldText"), "# Sample\n");
      const seqs = session.seen.flatMap((envelope) => envelope.seq ?? []);
      assert.deepEqual(
        seqs,
        seqs.map((_, index) => index + 1),
      );
      await session.acp.close();
      assert.deepEqual(await session.acp.closed, { kind: "closed" });
      assert.deepEqual(await sandbox.client.listAcpServers(), []);
    });

    test("a request whose method is no text is refused, not left open", async (t) => {
      const sandbox = await startSandbox(t, transport);
      const response = await sandbox.fetch(`${sandbox.url}/v1/acp/wrong?agent=demo`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: 5 }),
      });
      assert.equal(response.status, 200);
      const error = { code: -32600, message: "Invalid Request" };
      assert.deepEqual(await response.json(), { jsonrpc: "2.0", id: 1, error });
    });

    test("a cancelled turn ends", async (t) => {
      const sandbox = await startSandbox(t, transport);
      const session = await openSession(sandbox);
      const turn = session.prompt("tell me something slowly");
      await session.acp.notify("session/cancel", { sessionId: session.sessionId });
      assert.equal(field(await turn, "stopReason"), "cancelled");
    });
  });
}
