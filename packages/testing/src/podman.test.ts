import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { podmanMissing, startPodman } from "./podman.ts";

test("a private Podman runs its image and leaves nothing behind", {
  skip: podmanMissing() ?? false,
}, async () => {
  const podman = await startPodman({ programs: ["nproc"] });
  // Without networks: stores share one bridge but do not know each other's addresses.
  const alone = ["--network", "none", podman.image];
  try {
    assert.equal(
      await podman.podman(["run", "--rm", ...alone, "/bin/sh", "-c", "echo it runs; nproc > /dev/null"]),
      "it runs\n",
    );
    // Closing also stops containers that still run.
    await podman.podman(["run", "--detach", "--init", ...alone, "sleep", "1000"]);
  } finally {
    await podman.close();
  }
  assert.equal(existsSync(dirname(podman.socketPath)), false);
});
