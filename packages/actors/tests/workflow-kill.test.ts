import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openJobs, rounds, seen, workflows } from "./workflow-kill-actors.ts";

test("after SIGKILL every workflow goes on by itself, and no step has its effect twice", {
  timeout: 60_000,
}, async () => {
  const path = mkdtempSync(join(tmpdir(), "holdfast-workflow-kill-"));
  const child = fork(new URL("workflow-kill-server.ts", import.meta.url), [path], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await once(child, "message");
  const exited = once(child, "exit");
  setTimeout(() => child.kill("SIGKILL"), 120);
  const [, signal] = await exited;
  assert.equal(signal, "SIGKILL");
  const registry = openJobs(path);
  try {
    // Nobody calls an actor: what was due when the process died is woken when the store is open.
    await registry.directory();
    await seen.allEnded.promise;
    for (let n = 0; n < workflows; n++) {
      const handle = registry.client.job.get(String(n));
      assert.deepEqual(
        await handle.done(),
        Array.from({ length: rounds }, (_, round) => round),
      );
      // Its last step has told of itself from within.
      await handle.result();
      assert.equal((await handle.status()).state, "completed");
    }
  } finally {
    await registry.shutdown();
    rmSync(path, { recursive: true });
  }
});
