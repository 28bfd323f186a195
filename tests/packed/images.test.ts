/** The container images of `deploy/image`, and those of new projects: built without a network, run, stopped. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { SandboxClient } from "@holdfast/sandbox-client";
import { podmanMissing } from "@holdfast/testing/podman";
import { actor, event, type Registry } from "holdfast";
import { createClient } from "holdfast/client";
import { createProject } from "../../packages/create-holdfast/src/index.ts";
import { root } from "../../tools/workspace.ts";
import { type ImageBuilder, startImageBuilder } from "./support/image-base.ts";

const images = join(root, "deploy", "image");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

describe("container images", { skip: podmanMissing() ?? false, timeout: 400_000 }, () => {
  let builder: ImageBuilder;
  let scratch = "";
  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "holdfast-images-"));
    builder = await startImageBuilder();
  });
  after(async () => {
    await builder?.[Symbol.asyncDispose]();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** Starts a container; its address answers soon. */
  async function run(port: number, ...args: readonly string[]) {
    const id = (await builder.podman(["run", "--detach", "--publish", `127.0.0.1::${port}`, ...args])).trim();
    const address = (await builder.podman(["port", id, String(port)])).trim();
    return { id, url: `http://${address}` };
  }

  /** Stops a container as a platform does; it has to end by itself, and not by SIGKILL. */
  async function stop(id: string): Promise<void> {
    await builder.podman(["stop", "--time", "60", id]);
    const code = await builder.podman(["container", "inspect", "--format", "{{.State.ExitCode}}", id]);
    assert.ok(["0", "143"].includes(code.trim()), `${code}: ${await builder.podman(["logs", id])}`);
  }

  test("holdfast runs a program of actors without root, and its data outlives it", async () => {
    await builder.build("holdfast", join(images, "holdfast/Containerfile"), join(images, "holdfast"));
    const program = join(scratch, "program");
    mkdirSync(program);
    writeFileSync(join(program, "server.ts"), counterProgram);
    const mounts = ["--volume", `${program}:/app:ro`, "--volume", "counters:/data"];
    const first = await run(6420, ...mounts, "holdfast");
    const before = createClient<CounterRegistry>(first.url);
    const connection = before.counter.getOrCreate("visits").connect();
    assert.equal(await connection.add(2), 2);
    await builder.podman(["healthcheck", "run", first.id]);
    assert.equal((await builder.podman(["exec", first.id, "id", "-u"])).trim(), "1000");
    // A call that has begun is answered before the process ends.
    const begun = new Promise<void>((resolve) => connection.once("begun", () => resolve()));
    await connection.ready;
    const answer = before.counter.get("visits").addSlowly(10);
    await begun;
    await Promise.all([stop(first.id), answer.then((count) => assert.equal(count, 12))]);
    await before.dispose();
    const second = await run(6420, ...mounts, "holdfast");
    const after = createClient<CounterRegistry>(second.url);
    assert.equal(await after.counter.getOrCreate("visits").add(3), 15);
    await after.dispose();
    await stop(second.id);
  });

  test("the image for platforms runs without root on a volume that belongs to root", async () => {
    const program = join(root, "deploy", "program");
    await builder.build("on-volume", join(program, "Containerfile.volume"), program);
    const volume = join(scratch, "volume");
    mkdirSync(volume);
    const { id, url } = await run(6420, "--volume", `${volume}:/data`, "on-volume");
    await builder.said(id, /Holdfast serves/);
    const client = createClient<CounterRegistry>(url);
    assert.equal(await client.counter.getOrCreate("visits").add(2), 2);
    await client.dispose();
    const first = /\d+/.exec(await builder.podman(["top", id, "hpid"]))?.[0];
    const user = statSync(`/proc/${first}`).uid;
    assert.equal(statSync(volume).uid, user);
    assert.notEqual(user, process.getuid?.());
    await stop(id);
  });

  test("holdfast-sandbox serves its demo agent without root", async () => {
    const file = join(images, "sandbox/Containerfile");
    // Packages of the system come from a network.
    await builder.build("holdfast-sandbox", file, join(images, "sandbox"), { TOOLS: "" });
    const { id, url } = await run(
      2468,
      "--env",
      "HOLDFAST_SANDBOX_TOKEN=a-token-for-this-test",
      "holdfast-sandbox",
    );
    await builder.said(id, /server listens/);
    await builder.podman(["healthcheck", "run", id]);
    assert.equal((await fetch(`${url}/v1/agents`)).status, 401);
    const client = await SandboxClient.connect({ baseUrl: url, token: "a-token-for-this-test" });
    assert.ok((await client.listAgents()).some((agent) => agent.id === "demo"));
    assert.equal((await builder.podman(["exec", id, "id", "-u"])).trim(), "1000");
    await stop(id);
  });

  test("a new project has a Dockerfile that builds its image", async () => {
    const directory = join(scratch, "api");
    createProject({ directory, template: "api", version });
    await builder.build("api", join(directory, "Dockerfile"), directory);
    const { id, url } = await run(6420, "api");
    await builder.said(id, /Try: curl/);
    const added = await fetch(`${url}/notes/ann`, { method: "POST", body: '{"text":"Buy bread"}' });
    assert.deepEqual(await added.json(), { id: 1, text: "Buy bread" });
    assert.equal((await builder.podman(["exec", id, "id", "-u"])).trim(), "1000");
    await stop(id);
  });
});

const counterProgram = `import { setTimeout } from "node:timers/promises";
import { actor, setup } from "holdfast";
const counter = actor({
  state: { count: 0 },
  actions: {
    add: (c, by: number) => (c.state.count += by),
    addSlowly: async (c, by: number) => {
      c.broadcast("begun");
      await setTimeout(2_000);
      return (c.state.count += by);
    },
  },
});
await setup({ use: { counter } }).start();
`;

/** The types of {@link counterProgram}. */
const counter = actor({
  state: { count: 0 },
  events: { begun: event<[]>() },
  actions: { add: (_c, by: number) => by, addSlowly: (_c, by: number) => by },
});
type CounterRegistry = Registry<{ counter: typeof counter }>;
