/** What the gate keeps is nobody else's to read, each file by its own mode and not only by that of a folder above. */
import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openGate, temporaryDirectory } from "./support.ts";

/** What jails are shown, whose users may be others; the folder of the gate above it is closed. */
const shown = ["gate/agent-skills", "gate/skills"];

/** Every other file and folder below `directory` that somebody else could use. */
function openTo(others: number, directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) => {
    if (shown.some((each) => path === each || path.startsWith(`${each}/`))) return false;
    const stat = statSync(join(directory, path));
    // Who may use a socket is decided by the folder that it is in.
    return !stat.isSocket() && (stat.mode & others) !== 0;
  });
}

test("every file of a gate, and every folder of its sockets, is its owner's alone", async (t) => {
  const before = process.umask(0);
  t.after(() => process.umask(before));
  const dataDir = temporaryDirectory(t);
  const gate = await openGate(t, { dataDir, jails: { driver: "none", allowUnsafe: true } });
  await gate.vault.setApiKey("anthropic", "sk-ant-canary-0123456789abcdef");
  const egress = await gate.openEgress({ jailId: "j", session: "s", upstreams: [] });
  const broker = await gate.openBroker({ jailId: "j", session: "s", group: "g" });
  await broker.taint("untrusted content");
  await gate.approvals.request({ session: "s", tool: "write", arguments: {} });
  for (const directory of [join(egress.socketPath, ".."), broker.directory])
    assert.equal(statSync(directory).mode & 0o777, 0o700, directory);
  await gate.close();
  const seen = readdirSync(join(dataDir, "gate"));
  for (const name of ["approvals.db", "audit.log", "usage.db"])
    assert.ok(seen.includes(name), seen.join(", "));
  assert.deepEqual(openTo(0o077, dataDir), []);
});
