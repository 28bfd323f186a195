/** The run of attacks on a machine that it cannot begin on. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { runAttacks } from "@holdfast/gate";
import { temporaryDirectory } from "./support.ts";

const servers = () => process.getActiveResourcesInfo().filter((each) => each === "TCPServerWrap").length;

test("where no jail can be made, the run of attacks leaves no server and no file", async (t) => {
  const directory = temporaryDirectory(t);
  const { TMPDIR: before } = process.env;
  t.after(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  });
  process.env["TMPDIR"] = directory;
  const listening = servers();
  await assert.rejects(
    runAttacks({ attacks: [], jails: { driver: "bubblewrap", bwrapPath: join(directory, "none") } }),
    (error) => isErrorCode(error, "jail", "unavailable"),
  );
  assert.equal(servers(), listening);
  assert.deepEqual(readdirSync(directory), []);
});
