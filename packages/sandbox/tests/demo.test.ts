import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { removeAtExit } from "@holdfast/testing/scratch";
import { field, openSession, startSandbox, transports, until, updates } from "./harness.ts";

for (const transport of transports) {
  describe(`the demo agent over ${transport}`, () => {
    test("accepts a prompt with every character that JSON does not escape", async (t) => {
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

    test("a request whose method is not a string is rejected, not left pending", async (t) => {
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
      // Over HTTP each message is a separate request, which may overtake the one before.
      await until("the turn has begun", () => updates(session.seen).length > 0);
      await session.acp.notify("session/cancel", { sessionId: session.sessionId });
      assert.equal(field(await turn, "stopReason"), "cancelled");
    });
  });
}

test("the demo agent fails a turn only when instructed, not when a prompt is about failures", async (t) => {
  const sandbox = await startSandbox(t, "unix");
  const session = await openSession(sandbox);
  for (const work of [
    "Find out why the tests fail, and fix it.",
    "Fix the crash when a call does not hang up",
  ]) {
    const result = await session.prompt(`${work} Do it without asking.`);
    assert.equal(field(result, "stopReason"), "end_turn", work);
    assert.match(await readFile(join(sandbox.work, "NOTES.md"), "utf8"), new RegExp(work));
  }
  for (const told of ["fail", "Please fail", "Look around, then fail.", "You were interrupted.\n\nfail"]) {
    await assert.rejects(session.prompt(told), /asked to fail/, told);
  }
});

test("the demo agent follows the playbook of a repository, one step of the work after the other", async (t) => {
  const sandbox = await startSandbox(t, "unix");
  const session = await openSession(sandbox, { allow: true });
  await mkdir(join(sandbox.work, ".holdfast"));
  const change = (when: string, from: string, to: string) => ({
    when,
    steps: [
      { edit: "sum.txt", old: from, new: to },
      { run: `grep -x '${to}' sum.txt` },
      { say: `Now ${to}. ` },
    ],
  });
  const rules = [change("third", "two", "three"), change("second", "one $&", "two"), { when: "broken" }];
  await writeFile(join(sandbox.work, ".holdfast", "demo-agent.json"), JSON.stringify({ version: 1, rules }));
  await writeFile(join(sandbox.work, "sum.txt"), "one $&\n");
  const sum = () => readFile(join(sandbox.work, "sum.txt"), "utf8");
  // The third cannot be first: another prompt gets what there is to do, and is told so.
  await session.prompt("Do the third");
  assert.equal(await sum(), "two\n");
  const said = () =>
    updates(session.seen)
      .map((update) => String(field(update, "content", "text") ?? ""))
      .join("");
  assert.match(said(), /I have no model[\s\S]*Now two\./);
  await session.prompt("Do the third");
  assert.equal(await sum(), "three\n");
  // Nothing is left, and an exact prompt is carried out.
  await session.prompt("Do the third again");
  assert.match(await readFile(join(sandbox.work, "NOTES.md"), "utf8"), /third again/);
  await session.prompt('write "x" to sum.txt');
  assert.equal(await sum(), "x\n");
});

test("the demo agent ends all turns whose cancel arrives in the same chunk", {
  timeout: 60_000,
}, async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-demo-"));
  removeAtExit(home);
  const program = fileURLToPath(new URL("../src/demo/main.ts", import.meta.url));
  const agent = spawn(process.execPath, [program], {
    env: { ...process.env, HOME: home },
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => agent.kill());
  const answers = new Map<unknown, unknown>();
  const lines = createInterface(agent.stdout)[Symbol.asyncIterator]();
  const answer = async (id: number) => {
    while (!answers.has(id)) {
      const message: unknown = JSON.parse(String((await lines.next()).value));
      if (field(message, "result") !== undefined) answers.set(field(message, "id"), field(message, "result"));
    }
    return answers.get(id);
  };
  const line = (message: object) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
  agent.stdin.write(line({ id: 1, method: "session/new", params: { cwd: home, mcpServers: [] } }));
  const sessionId = field(await answer(1), "sessionId");
  const prompt = (id: number) =>
    line({ id, method: "session/prompt", params: { sessionId, prompt: [{ type: "text", text: "slowly" }] } });
  agent.stdin.write(prompt(2) + prompt(3) + line({ method: "session/cancel", params: { sessionId } }));
  assert.equal(field(await answer(2), "stopReason"), "cancelled");
  assert.equal(field(await answer(3), "stopReason"), "cancelled");
});
