import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { ensureBubblewrap } from "@holdfast/gate";
import { cure, explainFailure } from "../src/jail/bwrap-program.ts";
import { missing, temporaryDirectory } from "./support.ts";

describe("bubblewrap on this machine", () => {
  test("is found, with its version", { skip: missing("bwrap") }, async () => {
    const { path, version, installed } = await ensureBubblewrap({ mayInstall: false });
    assert.match(path, /\/bwrap$/);
    assert.match(version, /^\d+\.\d+\.\d+$/);
    assert.equal(installed, false);
  });

  test("is not installed unasked; the error names the command", async (t) => {
    const said: string[] = [];
    const options = {
      mayInstall: false,
      path: temporaryDirectory(t),
      say: (line: string) => said.push(line),
    };
    await assert.rejects(ensureBubblewrap(options), (error: unknown) => {
      assert.ok(isErrorCode(error, "jail", "unavailable"));
      assert.match(error.message, /bubblewrap is not installed\. (Run|Install)/);
      return true;
    });
    assert.deepEqual(said, []);
  });

  test("that is forbidden is explained by the setting that forbids it", () => {
    const free = { most: "100", clone: "1", restricted: "0" };
    const said = "bwrap: setting up uid map: Permission denied";
    assert.match(cure(said, { ...free, most: "0" }), /user\.max_user_namespaces/);
    assert.match(cure(said, { ...free, clone: "0" }), /unprivileged_userns_clone=1/);
    assert.match(cure(said, { ...free, restricted: "1" }), /profile bwrap \/usr\/bin\/bwrap/);
    assert.match(cure(said, free), /--security-opt seccomp=unconfined/);
    assert.match(
      cure("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", free),
      /systempaths/,
    );
    assert.equal(explainFailure(said).code, "unavailable");
  });
});
