import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Dockerd, dockerdMissing, startDockerd } from "@holdfast/testing/dockerd";
import { EngineClient } from "@holdfast/testing/engine-requests";
import { compileCache, ownImports } from "@holdfast/testing/own-imports";
import { type Podman, podmanMissing, startPodman } from "@holdfast/testing/podman";
import { SandboxAgent } from "../../src/index.ts";
import { type DockerProviderOptions, docker, podman } from "../../src/node/docker.ts";
import { conforms, keepsApart } from "./conformance.ts";
import { serverEntry } from "./machine.ts";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));

interface Engine {
  readonly name: "podman" | "docker";
  readonly skip: string | undefined;
  start(): Promise<Podman | Dockerd>;
}

const engines: readonly Engine[] = [
  { name: "podman", skip: podmanMissing(), start: startPodman },
  { name: "docker", skip: dockerdMissing(), start: startDockerd },
];

/** The Engine API as real engines speak it; providers.test.ts has an emulator where there is none. */
for (const { name, skip, start } of engines) {
  describe(`containers of a real ${name}`, { skip: skip ?? false }, () => {
    const provide = { podman, docker }[name];
    let engine: Podman | Dockerd;
    let requests: EngineClient;
    let options: DockerProviderOptions;

    before(async () => {
      engine = await start();
      requests = new EngineClient(engine.socketPath);
      options = {
        socketPath: engine.socketPath,
        image: engine.image,
        binds: [
          ...[`${process.execPath}:/usr/bin/node:ro`, ...["packages", "node_modules"].map(readOnly)],
          ...Object.values(compileCache).map((path) => `${path}:${path}`),
        ],
        env: Object.entries(compileCache).map((variable) => variable.join("=")),
        command: ["/usr/bin/node", ...ownImports, serverEntry, "server"],
        ...("network" in engine
          ? { createContainerOptions: { HostConfig: { NetworkMode: engine.network } } }
          : {}),
      };
    });
    after(async () => {
      await engine?.close();
    });

    test("hold what every provider does", async () => {
      const provider = provide(options);
      await conforms(provider);
      await keepsApart(provider);
      assert.deepEqual(await requests.containers(), [], "nothing is left");
    });

    test("a server is on the loopback alone, below an init that waits for the dead", async () => {
      const client = await SandboxAgent.start({ sandbox: provide(options) });
      try {
        const [, id = ""] = client.sandboxId?.split("/") ?? [];
        const [place = "", ...more] = await requests.publishedAddresses(id, "2468/tcp");
        assert.match(place, /^127\.0\.0\.1:\d+$/);
        assert.deepEqual(more, []);
        const first = await client.runProcess({ command: "cat", args: ["/proc/1/comm"] });
        assert.match(first.stdout, /catatonit|init/);
      } finally {
        await client.destroySandbox();
      }
    });

    test("what the engine refuses is told in its words, and leaves no container", async () => {
      const HostConfig = { NetworkMode: "no-such-network" };
      const refused = provide({ ...options, createContainerOptions: { HostConfig } });
      await assert.rejects(refused.create(), /The container engine answered \d+ to .*no-such-network/);
      assert.deepEqual(await requests.containers(), []);
    });

    test("a server that ends again and again is not waited for: its last words are told", async () => {
      const failing = ["/bin/sh", "-c", "echo no such configuration >&2; exit 3"];
      const broken = provide({ ...options, command: failing });
      const id = await broken.create();
      try {
        await requests.wait(id);
        await broken.ensureServer?.(id);
        await requests.wait(id);
        await assert.rejects(
          async () => await broken.ensureServer?.(id),
          /exit code 3: no such configuration$/m,
        );
      } finally {
        await broken.destroy(id);
      }
    });
  });
}

function readOnly(name: string): string {
  return `${repository}${name}:${repository}${name}:ro`;
}
