/** The run of attacks: its last row, and a machine that it cannot begin on. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { runAttacks } from "@holdfast/gate";
import { missing, temporaryDirectory } from "./support.ts";

test("the search for the planted secrets finds them where no gate was in the way", {
  skip: missing("bwrap"),
}, async () => {
  const { results } = await runAttacks({ attacks: [] });
  const [last] = results;
  assert.equal(last?.id, "secrets.canaries");
  assert.equal(last.outcome, "stopped");
  assert.equal(last.control?.worked, true);
  // Of the one that its server repeats in every encoding, and of the one that lies in a file as it is.
  const [count] = /\d+/.exec(last.control.observed) ?? [];
  assert.ok(Number(count) > 5, last.control.observed);
});

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
