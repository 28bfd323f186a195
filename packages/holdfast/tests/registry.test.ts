import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { createClient } from "@holdfast/client";
import { createLogger, type HoldfastError, isErrorCode, type LogRecord, systemPorts } from "@holdfast/core";
import { removeAtExit } from "@holdfast/testing/scratch";
import { ActorConnRaw, ActorHandleRaw } from "../src/client.ts";
import { actor, type SetupOptions, setup } from "../src/index.ts";

const counter = actor({
  state: { count: 0 },
  options: { name: "Counter", icon: "🔢" },
  onRequest: (_c, request) => new Response(new URL(request.url).pathname),
  actions: {
    increment: (c, by: number) => {
      c.state.count += by;
      return c.state.count;
    },
  },
});
const use = { counter };
/** What the answers about a server say of it. */
const server = { runtime: "holdfast", version: "0.1.0" };
type Options = SetupOptions<typeof use>;

function temporary(_t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-registry-"));
  removeAtExit(directory);
  return directory;
}

function registryOf(t: TestContext, options: Partial<Options> = {}) {
  const dataDirectory = temporary(t);
  const registry = setup({ use, dataDirectory, enginePort: 0, noWelcome: true, ...options });
  t.after(() => registry.shutdown());
  return registry;
}

describe("the log of a registry", () => {
  test("takes whatever a program logs or throws, and who calls has an answer", async (t) => {
    const ring: Record<string, unknown> = { size: 1n };
    ring["self"] = ring;
    const odd = actor({
      actions: {
        log: (c) => {
          c.log.warn("a ring", { ring });
          return "logged";
        },
        fail: (_c, what: "ring" | "bigint") => Promise.reject(what === "ring" ? ring : 1n),
      },
    });
    const lines: string[] = [];
    t.mock.method(process.stderr, "write", (line: string) => lines.push(line) > 0);
    const options = { dataDirectory: temporary(t), noWelcome: true, logging: { level: "warn" } } as const;
    const registry = setup({ use: { odd }, ...options });
    t.after(() => registry.shutdown());
    const handle = registry.client.odd.getOrCreate([]);
    assert.equal(await handle.log(), "logged");
    for (const what of ["ring", "bigint"] as const) {
      await assert.rejects(handle.fail(what), (error) => isErrorCode(error, "internal", "internal_error"));
    }
    const records = lines
      .filter((line) => line.startsWith("{"))
      .map((line): { message: string } => JSON.parse(line));
    assert.deepEqual(
      records.map(({ message }) => message),
      ["a ring", "internal error", "internal error"],
    );
  });
});

describe("setup", () => {
  test("refuses wrong values and what excludes each other", () => {
    const wrong: readonly unknown[] = [
      undefined,
      {},
      { use: { counter: {} } },
      { use: [] },
      { use: [counter] },
      { use, maxIncomingMessageSize: 0 },
      { use, maxIncomingMessageSize: "64kb" },
      { use, httpPort: 65_536 },
      { use, staticDir: 1 },
      { use, region: 1 },
      { use, history: { maxAge: 1 } },
      { use, history: { maxBytes: -1 } },
      { use, resume: 1 },
      { use, resume: { windowMs: Number.NaN } },
      { use, slowReaders: "wait" },
      { use, noWelcome: "yes" },
      { use, logging: null },
      { use, shutdown: null },
      { use, shutdown: { gracePeriodMs: -1 } },
      { use, shutdown: { gracePeriodMs: "10s" } },
      { use, shutdown: { disableSignalHandlers: 1 } },
      { use, startEngine: true, endpoint: "http://localhost:1" },
      { use, configurePool: { url: "http://localhost:1" } },
      { use, configurePool: { url: "http://localhost:1" }, startEngine: true },
      { use, runtime: "wasm", sqlite: "local" },
      { use, runtime: "wasm", sqlite: { backend: "local" } },
      { use, dataDirectory: "" },
      { use, dataDirectory: "  " },
    ];
    for (const options of wrong) {
      assert.throws(
        () => setup(options as Options),
        (error) => isErrorCode(error, "gateway", "invalid_config"),
        JSON.stringify(options),
      );
    }
    const pool: object = { use, configurePool: { url: "http://localhost:1" } };
    assert.throws(() => setup(pool as Options), /serverlessPools/);
    assert.doesNotThrow(() => setup({ use, configurePool: undefined, serverless: undefined }));
    const serverless: object = { use, serverless: { basePath: "/api/x" } };
    assert.throws(() => setup(serverless as Options), /cluster\.serverless/);
    for (const name of ["", ".", "..", "x".repeat(65)]) {
      assert.throws(
        () => setup({ use: { [name]: counter } }),
        (error) => isErrorCode(error, "actor", "invalid_name"),
        name,
      );
    }
  });

  test("takes what speaks of an engine or a cloud, and says once that it has no effect", (t) => {
    const records: LogRecord[] = [];
    const ports = systemPorts(createLogger("debug", (record) => records.push(record)));
    registryOf(t, {
      ports,
      runtime: "auto",
      endpoint: "https://api.example.com",
      token: "t",
      envoy: { version: 2 },
    });
    const fields = { options: ["runtime", "endpoint", "token", "envoy"] };
    assert.deepEqual(
      records.map((record) => [record.level, record.fields]),
      [["warn", fields]],
    );
  });

  test("names options that do not exist once in the log", (t) => {
    const records: LogRecord[] = [];
    const ports = systemPorts(createLogger("debug", (record) => records.push(record)));
    const unknown = { someUnknownKey: 1, another: undefined, orgins: ["*"] };
    const registry = registryOf(t, { ports, ...unknown });
    assert.deepEqual(
      Object.keys(registry.parseConfig()).filter((key) => key in unknown),
      [],
    );
    const fields = { options: ["someUnknownKey", "another", "orgins"], didYouMean: { orgins: "origins" } };
    assert.deepEqual(
      records.map((record) => [record.level, record.message, record.fields]),
      [["warn", "setup does not know these options", fields]],
    );
  });

  test("a logger of another library gets the records", (t) => {
    const lines: unknown[] = [];
    const write = (fields: object, message: string): void => void lines.push([message, fields]);
    const baseLogger = { trace: write, debug: write, info: write, warn: write, error: write };
    registryOf(t, { logging: { baseLogger }, token: "t" });
    assert.deepEqual(lines, [["options of setup have no effect here", { options: ["token"] }]]);
  });

  test("actors see the region, also of the environment; the past is as long as it was set", async (t) => {
    const where = actor({ state: { n: 0 }, actions: { region: (c) => c.region } });
    const region = async (options: Partial<Options>): Promise<string> => {
      const dataDirectory = temporary(t);
      const registry = setup({ dataDirectory, noWelcome: true, ...options, use: { where } });
      try {
        return await registry.client.where.getOrCreate("a").region();
      } finally {
        await registry.shutdown();
      }
    };
    assert.equal(await region({}), "local");
    const resume = { windowMs: 0 };
    assert.equal(
      await region({ region: "eu", history: { maxBytes: 0 }, resume, slowReaders: "drop-events" }),
      "eu",
    );
    process.env["HOLDFAST_REGION"] = "us";
    t.after(() => delete process.env["HOLDFAST_REGION"]);
    assert.equal(await region({ region: "eu" }), "us");
  });

  test("after a shutdown every way in says so at once", async (t) => {
    const used = registryOf(t);
    const before = used.client.counter.getOrCreate("a");
    assert.equal(await before.increment(1), 1);
    await used.shutdown();
    const unused = registryOf(t);
    await unused.shutdown();
    for (const handle of [
      before,
      used.client.counter.getOrCreate("a"),
      unused.client.counter.getOrCreate("a"),
    ]) {
      await assert.rejects(handle.increment(1), (error) => isErrorCode(error, "client", "disposed"));
      assert.throws(
        () => handle.connect(),
        (error) => isErrorCode(error, "client", "disposed"),
      );
    }
    const answer = await used.handler(new Request("http://localhost/actors/counter/@a,"));
    assert.equal(answer.status, 503);
    await assert.rejects(used.listen({ port: 0 }), (error) => isErrorCode(error, "gateway", "shutting_down"));
    await used.shutdown();
  });

  test("parseConfig gives every default", (t) => {
    const parsed = registryOf(t).parseConfig();
    assert.equal(parsed["maxIncomingMessageSize"], 65_536);
    assert.equal(parsed["maxOutgoingMessageSize"], 1_048_576);
    assert.equal(parsed["httpHost"], "127.0.0.1");
    assert.equal(parsed["use"], use);
    assert.deepEqual(parsed["shutdown"], { gracePeriodMs: 30_000, disableSignalHandlers: false });
  });
});

describe("the modes of a registry", () => {
  test("handles and connections are instances of their classes, with nothing of their own", async (t) => {
    const handle = registryOf(t).client.counter.getOrCreate("a");
    const conn = handle.connect();
    const classes = (value: unknown) => [value instanceof ActorHandleRaw, value instanceof ActorConnRaw];
    assert.deepEqual([handle, conn, {}, null].map(classes), [
      [true, false],
      [false, true],
      [false, false],
      [false, false],
    ]);
    assert.deepEqual(["increment" in handle, "increment" in conn, Object.keys(handle)], [true, true, []]);
    await conn.dispose();
  });

  test("start, routes and shutdown", async (t) => {
    const registry = registryOf(t);
    const { url } = await registry.start();
    const client = createClient<typeof registry>(url);
    t.after(() => client.dispose());
    assert.equal(await client.counter.getOrCreate("a").increment(2), 2);
    assert.equal(await registry.client.counter.get("a").increment(1), 3);
    const own = await registry.client.counter.getOrCreate("a").getGatewayUrl();
    assert.equal(await (await fetch(`${own}/request/x`)).text(), "/x");
    const metadata = await (await fetch(`${url}/metadata`)).json();
    assert.deepEqual(metadata, {
      runtime: "holdfast",
      version: "0.1.0",
      actorNames: { counter: { metadata: { name: "Counter", icon: "🔢" } } },
    });
    assert.deepEqual(await (await registry.routes.metadata()).json(), metadata);
    assert.deepEqual(await (await registry.routes.health()).json(), { status: "ok", ...server });
    const page = await fetch(`${url}/health`, { headers: { origin: "http://localhost:5173" } });
    assert.equal(page.headers.get("access-control-allow-origin"), "http://localhost:5173");
    await Promise.all([registry.shutdown(), registry.shutdown()]);
    await assert.rejects(fetch(`${url}/health`));
    await assert.rejects(registry.start(), (error: HoldfastError) =>
      isErrorCode(error, "gateway", "shutting_down"),
    );
    assert.deepEqual(await (await registry.routes.health()).json(), { status: "shutting-down", ...server });
    const late = await registry.handler(new Request("http://localhost/health"));
    assert.deepEqual([late.status, late.headers.get("x-holdfast-error")], [503, "gateway.shutting_down"]);
  });

  test("start listens once, however often and by whichever name it is called", async (t) => {
    const registry = registryOf(t);
    const started = registry.start();
    await registry.startAndWait();
    assert.equal(await registry.startEnvoy(), await started);
    assert.equal(await registry.start(), await started);
  });

  test("startAndWait resolves when requests are taken; startEnvoy is start", async (t) => {
    await registryOf(t).startAndWait();
    const { url } = await registryOf(t).startEnvoy();
    assert.equal((await fetch(`${url}/health`)).status, 200);
  });

  test("a gateway URL needs a server that listens", async (t) => {
    await assert.rejects(registryOf(t).client.counter.getOrCreate("a").getGatewayUrl(), (error) =>
      isErrorCode(error, "gateway", "not_listening"),
    );
  });

  test("serve and handler answer below any path of another server", async (t) => {
    const registry = registryOf(t);
    const { fetch: serve } = registry.serve();
    for (const base of ["", "/api/rivet", "/a/b/c"]) {
      const at = (path: string): Request => new Request(`http://localhost:3000${base}${path}`);
      assert.equal((await serve(at("/health"))).status, 200, base);
      assert.equal(await (await registry.handler(at("/actors/counter/~a,/request/x?y"))).text(), "/x");
      assert.equal((await serve(at("/nothing"))).status, 404);
    }
  });

  test("a base path is the only one that is served", async (t) => {
    const { url } = await registryOf(t, { httpBasePath: "/base" }).listen({ port: 0 });
    assert.equal((await fetch(`${url}/base/health`)).status, 200);
    assert.equal(await (await fetch(`${url}/base/actors/counter/~a,/request/x`)).text(), "/x");
    for (const path of ["/health", "/basement/health", "/actors/counter/~a,/request/x"]) {
      assert.equal((await fetch(url + path)).status, 404, path);
    }
  });

  test("files and an application are served beside the actors; nothing outside the directory is", async (t) => {
    const root = temporary(t);
    mkdirSync(join(root, "public"));
    writeFileSync(join(root, "secret.txt"), "secret");
    writeFileSync(join(root, "public", "index.html"), "<h1>hello</h1>");
    writeFileSync(join(root, "public", ".env"), "secret");
    symlinkSync(join(root, "secret.txt"), join(root, "public", "link.txt"));
    const application = {
      fetch: async (request: Request) => {
        if (request.url.endsWith("/crash")) throw new Error("the password is hunter2");
        return new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);
      },
    };
    const registry = registryOf(t);
    const { url } = await registry.listen({ port: 0, publicDir: join(root, "public"), application });
    const home = await fetch(url);
    assert.equal(home.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(await home.text(), "<h1>hello</h1>");
    for (const path of ["/.env", "/link.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%00", "/%zz"]) {
      assert.doesNotMatch(await (await fetch(url + path)).text(), /^secret/, path);
    }
    const posted = await fetch(`${url}/app`, { method: "POST", body: "body" });
    assert.equal(await posted.text(), "POST /app body");
    const crash = await fetch(`${url}/crash`);
    assert.equal(crash.status, 500);
    assert.doesNotMatch(await crash.text(), /hunter2/);
    assert.equal((await fetch(`${url}/health`)).status, 200);
  });
});

describe("a token", () => {
  test("travels as a header or a subprotocol, never in a URL", async (t) => {
    const seen: (string | undefined)[] = [];
    const registry = registryOf(t, {
      namespaces: { space: { token: "s/ecret-token" } },
      access: (info) => void seen.push(`${info.kind} ${info.header("x-holdfast-token")}`),
    });
    const { port } = await registry.listen({ port: 0 });
    const client = createClient<typeof registry>({
      endpoint: `http://space:s%2Fecret-token@127.0.0.1:${port}`,
      poolName: "default",
      devtools: false,
      disableMetadataLookup: true,
      maxInputSize: 4_096,
    });
    t.after(() => client.dispose());
    const handle = client.counter.getOrCreate("a", { createInRegion: "eu", poolName: "default" });
    await handle.increment(1);
    await (await handle.fetch("/")).text();
    await handle.webSocket();
    assert.doesNotMatch(await handle.getGatewayUrl(), /ecret|%2F/);
    assert.deepEqual(
      seen,
      ["create", "action", "request", "websocket"].map((kind) => `${kind} s/ecret-token`),
    );
    assert.throws(
      () => createClient({ endpoint: "http://a:b@127.0.0.1", token: "c" }),
      (error) => isErrorCode(error, "client", "invalid_endpoint"),
    );
  });
});

describe("signals", () => {
  function program(
    t: TestContext,
    sleepMs: number,
  ): { child: ChildProcess; line(text: string): Promise<void> } {
    const path = join(import.meta.dirname, "registry-program.ts");
    const child = spawn(process.execPath, [path, temporary(t), String(sleepMs)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, HOLDFAST_PORT: "" },
    });
    t.after(() => child.kill("SIGKILL"));
    let output = "";
    const waiting = new Set<() => void>();
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      for (const each of waiting) each();
    });
    const line = (text: string): Promise<void> =>
      new Promise((resolve) => {
        const check = (): void => {
          if (output.includes(text)) resolve();
        };
        waiting.add(check);
        check();
      });
    return { child, line };
  }

  test("SIGTERM lets actors finish and ends the process by that signal", { timeout: 60_000 }, async (t) => {
    const { child, line } = program(t, 50);
    await line("ready");
    child.kill("SIGTERM");
    const [code, signal] = await once(child, "exit");
    await line("slept");
    assert.deepEqual([code, signal], [null, "SIGTERM"]);
  });

  test("a second signal ends it at once", { timeout: 60_000 }, async (t) => {
    const { child, line } = program(t, 3_600_000);
    await line("ready");
    child.kill("SIGINT");
    await line("sleeping");
    child.kill("SIGINT");
    const [code, signal] = await once(child, "exit");
    assert.deepEqual([code, signal], [null, "SIGINT"]);
  });
});
