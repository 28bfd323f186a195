import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { dockerdMissing, startDockerd } from "./dockerd.ts";

test("a private Docker daemon runs its image and leaves nothing behind", {
  skip: dockerdMissing() ?? false,
}, async () => {
  const docker = await startDockerd();
  const { requests } = docker;
  const make = async (command: readonly string[]): Promise<string> => {
    const body = { Image: docker.image, Cmd: command, HostConfig: { NetworkMode: "none" } };
    const { Id } = (await requests.call("POST", "/containers/create", body)) as { Id: string };
    await requests.call("POST", `/containers/${Id}/start`);
    return Id;
  };
  try {
    assert.equal(await requests.wait(await make(["/bin/sh", "-c", "exit 7"])), 7);
    // Closing the daemon also stops containers that still run.
    await make(["sleep", "1000"]);
    assert.equal((await requests.containers()).length, 2);
  } finally {
    await docker.close();
  }
  assert.equal(existsSync(dirname(docker.socketPath)), false);
});
