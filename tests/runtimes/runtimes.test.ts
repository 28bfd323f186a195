import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { type RolldownBuild, rolldown } from "rolldown";
import { codeBlocksOf } from "../../tools/site/code-blocks.ts";
import { bunPath, denoPath, miniflareEntry } from "./support/runtimes.ts";

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), "holdfast-runtimes-"));
process.env["HOLDFAST_DATA"] = join(directory, "data");
const { registry, sockets } = await import("./server.ts");
const root = join(import.meta.dirname, "..", "..");
const denoEnvironment = { ...process.env, DENO_DIR: join(directory, "deno"), DENO_NO_UPDATE_CHECK: "1" };

/** The part of miniflare that is used here. */
interface Miniflare {
  dispatchFetch(url: string): Promise<{ text(): Promise<string> }>;
  dispose(): Promise<void>;
}

async function bundle(name: string, source: string): Promise<string> {
  const input = join(import.meta.dirname, `.${name}-entry.ts`);
  const file = join(directory, `${name}.mjs`);
  let build: RolldownBuild | undefined;
  try {
    writeFileSync(input, source);
    build = await rolldown({ input, platform: "neutral", resolve: { mainFields: ["module", "main"] } });
    await build.write({ file, format: "esm" });
  } finally {
    await build?.close();
    rmSync(input, { force: true });
  }
  return file;
}

/** The way to the server, on which WebSockets can be cut. */
interface Way {
  readonly url: string;
  close(): Promise<void>;
}

async function openWay(port: number): Promise<Way> {
  const proxy = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    // An upgrade may come on a connection that has carried other requests.
    near.on("data", (head) => {
      if (/^upgrade: websocket/im.test(head.toString("latin1"))) sockets.add(near);
    });
    near.on("close", () => sockets.delete(near));
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("error", () => undefined);
      from.on("close", () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        proxy.close(() => resolve());
      }),
  };
}

/** The program of the tutorial, below the repository, whose packages it imports. */
function firstActor(): string {
  const page = "docs/tutorial/first-actor.md";
  const [block] = codeBlocksOf(page, readFileSync(join(root, page), "utf8"));
  assert.equal(block?.use, "run");
  const file = join(root, ".cache", "runtimes", "first-actor.ts");
  writeFileSync(file, `${block.code}\nconsole.log("ok");\n`);
  return file;
}

describe("the first actor of the documentation in other runtimes", () => {
  test("Bun", async () => {
    const program = bunPath();
    assert.equal((await run(program, ["run", firstActor()], { timeout: 60_000 })).stdout.trim(), "ok");
  });

  test("Deno", async () => {
    const program = denoPath();
    const { stdout } = await run(program, ["run", "--no-remote", "--allow-all", firstActor()], {
      timeout: 60_000,
      env: denoEnvironment,
    });
    assert.equal(stdout.trim(), "ok");
  });
});

describe("the client in other runtimes", () => {
  let way: Way;

  before(async () => {
    const { port } = await registry.listen({ port: 0 });
    way = await openWay(port);
  });
  after(async () => {
    await way.close();
    await registry.shutdown();
    rmSync(directory, { recursive: true, force: true });
  });

  async function script(): Promise<string> {
    return await bundle(
      "script",
      `import { exercise } from "./exercise.ts";
       const args = globalThis.Deno?.args ?? globalThis.process.argv.slice(2);
       console.log(await exercise(args[0], args[1]));`,
    );
  }

  test("Node", async () => {
    const { stdout } = await run(process.execPath, [await script(), way.url, "node"], { timeout: 60_000 });
    assert.equal(stdout.trim(), "ok");
  });

  test("Bun", async () => {
    const { stdout } = await run(bunPath(), ["run", await script(), way.url, "bun"], { timeout: 60_000 });
    assert.equal(stdout.trim(), "ok");
  });

  test("Deno", async () => {
    const args = [
      "run",
      "--no-remote",
      "--allow-net=127.0.0.1",
      "--allow-env",
      await script(),
      way.url,
      "deno",
    ];
    const { stdout } = await run(denoPath(), args, {
      timeout: 60_000,
      env: denoEnvironment,
    });
    assert.equal(stdout.trim(), "ok");
  });

  test("workerd", async () => {
    const file = await bundle(
      "worker",
      `import { exercise } from "./exercise.ts";
       export default { async fetch(request, env) {
         try { return new Response(await exercise(env.ENDPOINT, "workerd")); }
         catch (error) { return new Response(String(error?.stack ?? error)); }
       } };`,
    );
    const { Miniflare } = (await import(miniflareEntry())) as {
      Miniflare: new (options: object) => Miniflare;
    };
    const worker = new Miniflare({
      modules: true,
      script: readFileSync(file, "utf8"),
      compatibilityDate: "2026-06-01",
      bindings: { ENDPOINT: way.url },
      host: "127.0.0.1",
      cf: false,
    });
    try {
      const response = await worker.dispatchFetch("http://worker/");
      assert.equal(await response.text(), "ok");
    } finally {
      await worker.dispose();
    }
  });
});
