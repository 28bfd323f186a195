import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { podmanMissing, startPodman } from "./podman.ts";

test("a Podman of its own runs its image, and leaves nothing", {
  skip: podmanMissing() ?? false,
}, async () => {
  const podman = await startPodman({ programs: ["nproc"] });
  try {
    assert.equal(
      await podman.podman(["run", "--rm", podman.image, "/bin/sh", "-c", "echo it runs; nproc > /dev/null"]),
      "it runs\n",
    );
    // What still runs when it is closed ends then.
    await podman.podman(["run", "--detach", "--init", podman.image, "sleep", "1000"]);
  } finally {
    await podman.close();
  }
  assert.equal(existsSync(dirname(podman.socketPath)), false);
});
