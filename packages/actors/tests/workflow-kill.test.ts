import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openJobs, rounds, seen, workflows } from "./workflow-kill-actors.ts";

test("after SIGKILL all workflows continue without a call, and each step takes effect once", {
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
    // No actor is called: work that was due when the process died is woken when the store opens.
    await registry.directory();
    await seen.allEnded.promise;
    for (let n = 0; n < workflows; n++) {
      const handle = registry.client.job.get(String(n));
      assert.deepEqual(
        await handle.done(),
        Array.from({ length: rounds }, (_, round) => round),
      );
      // Reported by its last step.
      await handle.result();
      assert.equal((await handle.status()).state, "completed");
    }
  } finally {
    await registry.shutdown();
    rmSync(path, { recursive: true });
  }
});
