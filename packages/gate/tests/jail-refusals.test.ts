/** What a machine, a program or an engine cannot do is refused with its cause before any jail counts on it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isErrorCode } from "@holdfast/core";
import { createGate, type Guarantee, probeDrivers } from "@holdfast/gate";
import { BubblewrapDriver } from "../src/jail/bubblewrap/bubblewrap-driver.ts";
import { importImage } from "../src/jail/engine/docker-image.ts";
import { EngineClient } from "../src/jail/engine/engine-client.ts";
import { EngineDriver } from "../src/jail/engine/engine-driver.ts";
import { checkGuarantees, checkSelfTest, requiredGuarantees } from "../src/jail/guarantees.ts";
import { GvisorDriver } from "../src/jail/gvisor/gvisor-driver.ts";
import { isRoot, missing, shell, temporaryDirectory } from "./support.ts";

const dockerSocket = "/var/run/docker.sock";

const refused =
  (code: string, message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(isErrorCode(error, "jail", code), String(error));
    assert.match(error.message, message);
    return true;
  };

/** A program that says one thing, whatever it is asked. */
function program(t: TestContext, said: string): string {
  const path = join(temporaryDirectory(t), "program");
  writeFileSync(path, `#!/bin/sh\necho '${said}'\n`, { mode: 0o755 });
  return path;
}

type Answer = readonly [status: number, body: unknown];

/** A container engine on a socket of its own that answers as `answer` says. */
async function engine(
  t: TestContext,
  answer: (method: string, path: string) => Answer,
): Promise<{ readonly socketPath: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const path = (request.url ?? "").replace(/^\/v[\d.]+/, "").split("?")[0] ?? "";
    asked.push(`${request.method} ${path}`);
    const [status, body] = answer(request.method ?? "", path);
    request.resume().once("end", () => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });
  const socketPath = join(temporaryDirectory(t), "engine.sock");
  server.listen(socketPath);
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { socketPath, asked };
}

describe("a driver of jails is refused", () => {
  test("by each guarantee that it has to have and does not hold, and by no other", () => {
    const held = (name: Guarantee["name"], yes: boolean): Guarantee => ({ name, held: yes, detail: "seen" });
    const all = requiredGuarantees.map((name) => held(name, true));
    checkSelfTest([...all, held("limits.memory", false)]);
    for (const name of requiredGuarantees) {
      const one = all.map((each) => (each.name === name ? held(name, false) : each));
      assert.throws(() => checkSelfTest(one), refused("unavailable", new RegExp(`${name} \\(seen\\)`)));
    }
  });

  test("where bubblewrap is not on PATH", (t) => {
    const before = process.env["PATH"];
    t.after(() => {
      process.env["PATH"] = before;
    });
    process.env["PATH"] = temporaryDirectory(t);
    assert.throws(
      () => new BubblewrapDriver({ directory: temporaryDirectory(t) }),
      refused("unavailable", /bubblewrap/),
    );
  });

  test("where a program of gVisor is missing", (t) => {
    const options = { directory: temporaryDirectory(t), searchPath: temporaryDirectory(t) };
    assert.throws(
      () => new GvisorDriver(options),
      refused("unavailable", /need runsc, .*apt-get install --yes runsc/),
    );
  });

  test("where runsc is another program", { skip: !isRoot && "needs root" }, (t) => {
    const options = { directory: temporaryDirectory(t), runscPath: program(t, "runc version 1.1") };
    assert.throws(() => new GvisorDriver(options), refused("unavailable", /is not a working runsc/));
  });

  test("where gVisor is asked for by an ordinary user", { skip: !isRoot && "is one itself" }, (t) => {
    const module = fileURLToPath(new URL("../src/jail/gvisor/gvisor-driver.ts", import.meta.url));
    const runscPath = program(t, "runsc version 1");
    const script = `import { GvisorDriver } from ${JSON.stringify(module)};
      try { new GvisorDriver({ directory: "/nowhere", runscPath: ${JSON.stringify(runscPath)} }); }
      catch (error) { console.log(error.code, error.message); }`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      ...{ uid: 65534, gid: 65534, encoding: "utf8", timeout: 60_000 },
    });
    assert.match(stdout, /^unavailable gVisor jails need root/, stderr);
  });

  test("where an engine has no socket", { skip: existsSync(dockerSocket) && "Docker is here" }, (t) => {
    const options = { directory: temporaryDirectory(t) };
    assert.throws(
      () => new EngineDriver("docker", options),
      refused("unavailable", /docker has no socket at/),
    );
  });

  test("but a wrong argument of the caller is a TypeError", async () => {
    const mistaken = { bwrapPath: 5 as unknown as string };
    await assert.rejects(probeDrivers(["bubblewrap"], mistaken), TypeError);
  });
});

describe("a jail of gVisor", { skip: !isRoot && "needs root" }, () => {
  test("that ends before it runs is told with the words of runsc", async (t) => {
    const runscPath = join(temporaryDirectory(t), "runsc");
    const script = '[ "$1" = --version ] && { echo runsc version 1; exit; }; echo no ptrace here >&2; exit 3';
    writeFileSync(runscPath, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const driver = new GvisorDriver({ directory: temporaryDirectory(t), runscPath });
    t.after(() => driver.close());
    const launch = driver.start(shell("true", { requires: [] }));
    await assert.rejects(launch, refused("start_failed", /ended with code 3\. no ptrace here/));
  });
});

describe("a jail is refused", () => {
  test("where it bounds what it reads and writes, and nothing holds that, whatever else it requires", () => {
    const bound = shell("true", { requires: [], limits: { diskWriteBytesPerSecond: 65_536 } });
    const io = { name: "limits.io", held: true, detail: "seen" } as const;
    checkGuarantees(bound, [io]);
    checkGuarantees(shell("true", { requires: [], limits: { pids: 8 } }), []);
    for (const guarantees of [[], [{ ...io, held: false }]]) {
      const attempt = () => checkGuarantees(bound, guarantees);
      assert.throws(attempt, refused("missing_guarantee", /do not guarantee limits\.io\./));
    }
  });
});

describe("without a jail", () => {
  test("nothing starts that requires a guarantee", async (t) => {
    const jails = { driver: "none", allowUnsafe: true } as const;
    const gate = await createGate({ dataDir: temporaryDirectory(t), jails });
    t.after(() => gate.close());
    for (const asked of [{ requires: ["network.none"] }, { limits: { diskReadsPerSecond: 10 } }] as const) {
      const attempt = gate.jails.start(shell("true", asked));
      await assert.rejects(attempt, refused("missing_guarantee", /nothing is guaranteed/));
    }
  });
});

describe("a container engine that fails", () => {
  const client = (t: TestContext, socketPath: string): EngineClient => {
    const made = new EngineClient(socketPath);
    t.after(() => made.close());
    return made;
  };

  test("is told with its own words", async (t) => {
    const { socketPath } = await engine(t, () => [500, { message: "no space left" }]);
    const call = client(t, socketPath).call("POST", "/containers/create", {});
    await assert.rejects(
      call,
      refused("engine_failed", /answered 500 to POST \/containers\/create: no space left/),
    );
  });

  test("by importing nothing starts no jail", { skip: missing("tar") }, async (t) => {
    const { socketPath } = await engine(t, () => [200, { status: "ready" }]);
    const root = join(temporaryDirectory(t), "root");
    await assert.rejects(importImage(client(t, socketPath), root), refused("unavailable", /did not import/));
  });

  test("by keeping the jails of a killed host is not used", { skip: missing("perl") }, async (t) => {
    const { socketPath, asked } = await engine(t, (method) =>
      method === "DELETE" ? [500, { message: "busy" }] : [200, [{ Id: "left" }]],
    );
    const driver = new EngineDriver("podman", { directory: temporaryDirectory(t), socketPath });
    t.after(() => driver.close());
    await assert.rejects(driver.endOrphans(), refused("engine_failed", /busy/));
    assert.equal(asked.filter((each) => each === "DELETE /containers/left").length, 10);
  });

  test("by making a container without an id starts nothing", { skip: missing("perl") }, async (t) => {
    const { socketPath, asked } = await engine(t, (method) => [method === "POST" ? 201 : 200, {}]);
    const driver = new EngineDriver("podman", { directory: temporaryDirectory(t), socketPath });
    t.after(() => driver.close());
    await driver.endOrphans();
    const launch = driver.start(shell("true", { requires: [] }));
    await assert.rejects(launch, refused("start_failed", /without an id/));
    assert.ok(!asked.some((each) => each.includes("/start")), asked.join("\n"));
  });
});
