import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { setupTest } from "holdfast/test";

test("an agent works on a user's computer", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-computer-"));
  removeAtExit(directory);
  process.env["HOLDFAST_DATA"] = directory;
  const { registry } = await import("./actors.ts");
  const { client } = await setupTest(t, registry);
  const computer = client.computer.getOrCreate(["ada"]);
  await computer.writeFile("notes.txt", "buy milk\n");
  const { sessionId } = await computer.createSession("demo");
  await computer.sendPrompt(sessionId, 'Without asking, write "buy bread" to more.txt');
  const { stdout } = await computer.exec("cat notes.txt more.txt | sort");
  assert.equal(stdout.trim(), "buy bread\nbuy milk");
});
