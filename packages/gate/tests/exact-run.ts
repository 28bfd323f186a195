import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Gate } from "@holdfast/gate";
import { finish, jailNode } from "./support.ts";

/** Runs a command that tells all that it was given, and holds it against what was asked for. */
export async function assertExactRun(jails: Gate["jails"], workspace: string): Promise<void> {
  const jail = await jails.start({
    id: "exact",
    command: jailNode.path,
    args: ["-e", exactly, "a b", "", "-x", "ü"],
    cwd: "/workspace",
    env: { ONE: "1", TWO: "line\nbreak" },
    mounts: [jailNode.mount, { source: workspace, target: "/workspace", mode: "rw" }],
    network: "none",
  });
  const done = await finish(jail, "from the host");
  assert.equal(done.code, 3, done.stderr);
  assert.equal(done.reason, "exited");
  assert.deepEqual(JSON.parse(done.stdout), {
    args: ["a b", "", "-x", "ü"],
    cwd: "/workspace",
    env: { ONE: "1", TWO: "line\nbreak", PWD: "/workspace" },
    input: "from the host",
  });
  assert.equal(done.stderr, "to stderr");
  assert.equal(readFileSync(join(workspace, "made"), "utf8"), "inside");
}

const exactly = `
  const fs = require("node:fs");
  fs.writeFileSync("made", "inside");
  process.stderr.write("to stderr");
  const input = fs.readFileSync(0, "utf8");
  console.log(JSON.stringify({ args: process.argv.slice(1), cwd: process.cwd(), env: process.env, input }));
  process.exit(3);`;
