import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Podman, podmanMissing, startPodman } from "@holdfast/testing/podman";
import { SandboxAgent } from "../../src/index.ts";
import { type DockerProviderOptions, docker, podman } from "../../src/node/docker.ts";
import { conforms, keepsApart } from "./conformance.ts";
import { serverEntry } from "./machine.ts";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));

/** The Engine API as a real engine speaks it; providers.test.ts has an emulator where there is none. */
describe("containers of a real Podman", { skip: podmanMissing() ?? false }, () => {
  let engine: Podman;
  let options: DockerProviderOptions;

  before(async () => {
    engine = await startPodman();
    options = {
      socketPath: engine.socketPath,
      image: engine.image,
      binds: [`${process.execPath}:/usr/bin/node:ro`, ...["packages", "node_modules"].map(readOnly)],
      command: ["/usr/bin/node", serverEntry, "server"],
    };
  });
  after(async () => {
    await engine?.close();
  });

  test("podman", async () => {
    const provider = podman(options);
    await conforms(provider);
    await keepsApart(provider);
    assert.equal(await engine.podman(["ps", "--all", "--quiet"]), "", "nothing is left");
  });

  test("a server is on the loopback alone, below an init that waits for the dead", async () => {
    const client = await SandboxAgent.start({ sandbox: docker(options) });
    try {
      const [, id = ""] = client.sandboxId?.split("/") ?? [];
      assert.match(await engine.podman(["port", id]), /^2468\/tcp -> 127\.0\.0\.1:\d+\n$/);
      const first = await client.runProcess({ command: "cat", args: ["/proc/1/comm"] });
      assert.match(first.stdout, /catatonit|init/);
    } finally {
      await client.destroySandbox();
    }
  });

  test("what the engine refuses is told in its words, and leaves no container", async () => {
    const HostConfig = { NetworkMode: "no-such-network" };
    const refused = podman({ ...options, createContainerOptions: { HostConfig } });
    await assert.rejects(refused.create(), /The container engine answered \d+ to .*no-such-network/);
    assert.equal(await engine.podman(["ps", "--all", "--quiet"]), "");
  });

  test("a server that ends again and again is not waited for: its last words are told", async () => {
    const failing = ["/bin/sh", "-c", "echo no such configuration >&2; exit 3"];
    const broken = podman({ ...options, command: failing });
    const id = await broken.create();
    try {
      await engine.podman(["wait", id]);
      await broken.ensureServer?.(id);
      await engine.podman(["wait", id]);
      await assert.rejects(
        async () => await broken.ensureServer?.(id),
        /exit code 3: no such configuration$/m,
      );
    } finally {
      await broken.destroy(id);
    }
  });
});

function readOnly(name: string): string {
  return `${repository}${name}:${repository}${name}:ro`;
}
