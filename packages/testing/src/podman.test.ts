import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { podmanMissing, startPodman } from "./podman.ts";

test("a Podman of its own runs its image, and leaves nothing", {
  skip: podmanMissing() ?? false,
}, async () => {
  const podman = await startPodman({ programs: ["nproc"] });
  // Stores know nothing of the addresses that others gave away on the bridge that they all share.
  const alone = ["--network", "none", podman.image];
  try {
    assert.equal(
      await podman.podman(["run", "--rm", ...alone, "/bin/sh", "-c", "echo it runs; nproc > /dev/null"]),
      "it runs\n",
    );
    // What still runs when it is closed ends then.
    await podman.podman(["run", "--detach", "--init", ...alone, "sleep", "1000"]);
  } finally {
    await podman.close();
  }
  assert.equal(existsSync(dirname(podman.socketPath)), false);
});
