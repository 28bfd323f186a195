import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { command, makeRepository, needsJail, scratch, start, startServer } from "./support.ts";

test("whoever follows a prompt behind one that cannot be begun hears why, and follows it once it can", async (t) => {
  if (!needsJail(t)) return;
  const directory = scratch(t);
  const data = `${directory}/data`;
  mkdirSync(data, { mode: 0o700 });
  const groups = { default: { agent: "demo", repository: `${directory}/repository` } };
  writeFileSync(`${data}/groups.json`, JSON.stringify({ version: 1, groups }));
  await startServer(t, data);
  assert.equal((await command(["prompt", "--data", data, "write a note without asking"])).code, 0);
  const following = start(["prompt", "--follow", "--data", data, "write a second without asking"]);
  t.after(() => following.kill("SIGKILL"));
  const ended = once(following, "close");
  let stderr = "";
  for await (const piece of following.stderr?.setEncoding("utf8") ?? []) {
    const before = stderr;
    stderr += String(piece);
    const isTold = (text: string) => text.includes("repository.not_found");
    if (isTold(stderr) && !isTold(before)) makeRepository(directory);
  }
  const [code] = await ended;
  assert.match(
    stderr,
    /^Event 1 could not start yet: .+ \(repository\.not_found\); next attempt at \d\d:\d\d:\d\d$/m,
  );
  assert.equal(code, 0, stderr);
});

test("a prompt to a group is followed to its end, and counts once", async (t) => {
  if (!needsJail(t)) return;
  const data = `${scratch(t)}/data`;
  mkdirSync(data, { mode: 0o700 });
  const groups = { default: { agent: "demo", session: "resume", description: "The one\u001b[2J" } };
  writeFileSync(`${data}/groups.json`, JSON.stringify({ version: 1, groups }));
  await startServer(t, data);
  const run = (...args: string[]) => command([...args, "--data", data]);

  const text = 'write "hello" to hello.txt without asking';
  const first = await run("prompt", "--follow", "--id", "morning", text);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /Done\./);
  assert.match(first.stderr, /^Event 1 of default$/m);
  const again = await run("prompt", "--id", "morning", text);
  assert.deepEqual([again.code, again.stderr], [0, "Event 1 of default, already accepted\n"]);

  // The second goes on in the same session; only what is new is shown.
  const failing = await run("prompt", "--follow", "--json", "fail");
  assert.equal(failing.code, 1, failing.stderr);
  const lines = failing.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type?: string; body?: { type: string; text?: string } });
  assert.equal(lines[0]?.type, "event");
  assert.deepEqual(
    lines.flatMap(({ body }) => (body?.type === "prompt" ? [body.text] : [])),
    ["fail"],
  );
  const listed = await run("groups", "list");
  assert.match(listed.stdout, /^default +demo +resume +idle +0 waiting {2}The one/m);
  assert.ok(!listed.stdout.includes("\u001b"), "escape sequences are shown, not obeyed");
  const shown = await run("groups", "show", "default", "--json");
  const events = shown.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { seq: number; state: string; taskId?: string });
  assert.deepEqual(
    events.map(({ seq, state }) => [seq, state]),
    [
      [1, "done"],
      [2, "failed"],
    ],
  );
  assert.equal(events[0]?.taskId, events[1]?.taskId);
  const nowhere = await run("prompt", "--group", "nowhere", "hello");
  assert.deepEqual([nowhere.code, /group\.not_found/.test(nowhere.stderr)], [1, true]);
  assert.equal((await run("prompt")).code, 2);
});
