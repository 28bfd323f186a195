import assert from "node:assert/strict";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { isFamilyAlive } from "../src/internal/spawn/process-group.ts";
import { Spawner } from "../src/internal/spawn/spawner.ts";
import {
  field,
  processesWith,
  type ServerProcess,
  startSandbox,
  startServerProcess,
  temporary,
  until,
} from "./harness.ts";
import { type ProcessApi, processApi } from "./processes-harness.ts";

const newMark = () => `52.${Math.floor(Math.random() * 1e9)}`;
const shell = (script: string, more: object = {}) => ({ command: "/bin/sh", args: ["-c", script], ...more });

function killLater(t: TestContext, mark: string): void {
  t.after(async () => {
    for (const pid of await processesWith(mark)) process.kill(pid, "SIGKILL");
  });
}

/** Starts a process that ignores all signals it can, with children in other sessions: five processes. */
const stubborn = (mark: string) =>
  `trap '' TERM HUP INT; sleep ${mark} & setsid -f sleep ${mark}; setsid -f sh -c "trap '' TERM HUP; sleep ${mark}; :"; while :; do sleep ${mark}; done`;

/**
 * A thousand generations, one at a time. Each runs in its own session with an empty environment, and exits before it
 * can be inspected.
 */
const comet = (mark: string) =>
  `s='test "$2" -gt 0 && setsid -f env -i PATH="$PATH" /bin/sh -c "$1" ${mark} "$1" $(($2 - 1))'; ` +
  `/bin/sh -c "$s" ${mark} "$s" 1000; sleep ${mark}`;

describe("ending a family", () => {
  for (const controlGroups of [true, false]) {
    test(`ends all descendants ${controlGroups ? "with" : "without"} control groups`, async (t) => {
      const mark = newMark();
      killLater(t, mark);
      const spawner = new Spawner(silentLogger, { controlGroups });
      t.after(() => spawner.close());
      const request = {
        program: "/bin/sh",
        args: ["-c", stubborn(mark)],
        cwd: "/",
        env: { PATH: process.env.PATH ?? "" },
      };
      const { family } = await spawner.withoutInput(request);
      if (!controlGroups) assert.equal(family.group, undefined);
      await until("all run", async () => (await processesWith(mark)).length >= 5);
      await spawner.end(family, 50);
      assert.deepEqual(await processesWith(mark), []);
      if (family.group !== undefined) await assert.rejects(readdir(family.group), { code: "ENOENT" });
    });
  }

  test("ends a terminal whose program has not started yet", async (t) => {
    const mark = newMark();
    killLater(t, mark);
    // Without control groups, which would reveal to the program that it is too late.
    const spawner = new Spawner(silentLogger, { controlGroups: false });
    t.after(() => spawner.close());
    const request = { program: "/bin/sleep", args: [mark], cwd: "/", env: {} };
    for (let count = 0; count < 50; count++) {
      const { family } = await spawner.withTerminal(request, { cols: 80, rows: 24 }, () => {});
      await spawner.end(family, 0);
      assert.equal(isFamilyAlive(family), false);
    }
    assert.deepEqual(await processesWith(mark), []);
  });

  test("closing ends all processes, starts no more and leaves no control group", async (t) => {
    const mark = newMark();
    killLater(t, mark);
    const spawner = new Spawner(silentLogger);
    const request = {
      program: "/bin/sh",
      args: ["-c", stubborn(mark)],
      cwd: "/",
      env: { PATH: process.env.PATH ?? "" },
    };
    const { family } = await spawner.withoutInput(request);
    await until("all run", async () => (await processesWith(mark)).length >= 5);
    await spawner.close();
    assert.deepEqual(await processesWith(mark), []);
    await assert.rejects(spawner.withoutInput(request));
    if (family.group !== undefined)
      await assert.rejects(readdir(join(family.group, "..")), { code: "ENOENT" });
  });

  test("nothing escapes a control group by forking, detaching and exiting immediately", async (t) => {
    const mark = newMark();
    killLater(t, mark);
    const spawner = new Spawner(silentLogger);
    t.after(() => spawner.close());
    const { PATH = "" } = process.env;
    const request = { program: "/bin/sh", args: ["-c", comet(mark)], cwd: "/", env: { PATH } };
    const { family } = await spawner.withoutInput(request);
    if (family.group === undefined) {
      t.skip("this user may not make control groups");
      return;
    }
    const { group } = family;
    const seen = new Set<string>();
    await until("generations have passed", async () => {
      for (const pid of (await readFile(join(group, "cgroup.procs"), "utf8")).split("\n")) seen.add(pid);
      return seen.size > 20;
    });
    await spawner.end(family, 0);
    assert.deepEqual(await processesWith(mark), []);
  });
});

/** Starts a separate server with a stubborn process on pipes and one on a terminal. */
async function withProcesses(
  t: TestContext,
  dataDirectory?: string,
): Promise<{ server: ServerProcess; api: ProcessApi; mark: string; ids: string[] }> {
  const mark = newMark();
  killLater(t, mark);
  const server = await startServerProcess(t, dataDirectory === undefined ? {} : { dataDirectory }, "tcp");
  const api = apiOf(server);
  const ids = [
    await api.create(shell(stubborn(mark), { restart: "always", name: "stubborn" })),
    await api.create(shell(stubborn(mark), { tty: true })),
  ];
  await until("all of them run", async () => (await processesWith(mark)).length >= 10);
  return { server, api, mark, ids };
}

function apiOf(server: ServerProcess): ProcessApi {
  const fetch: typeof globalThis.fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${server.token}`);
    return globalThis.fetch(input, { ...init, headers });
  };
  return processApi({ url: server.url, fetch });
}

const exited = (server: ServerProcess) =>
  new Promise<number | null>((resolve) => server.child.once("exit", (code) => resolve(code)));

describe("no managed process is left", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`after ${signal} to the server, which exits with 0`, async (t) => {
      const { server, mark } = await withProcesses(t);
      const code = exited(server);
      server.child.kill(signal);
      assert.equal(await code, 0);
      assert.deepEqual(await processesWith(mark), []);
    });
  }

  test("after SIGKILL to the server, control groups included", async (t) => {
    const dataDirectory = join(await temporary(t), "data");
    await mkdir(dataDirectory);
    const { server, mark } = await withProcesses(t, dataDirectory);
    const groups = await groupsOf(dataDirectory);
    const code = exited(server);
    server.child.kill("SIGKILL");
    await code;
    await until("everything is gone", async () => (await processesWith(mark)).length === 0);
    if (groups === undefined) return;
    await until("its groups are removed", () =>
      readdir(groups).then(
        () => false,
        () => true,
      ),
    );
  });

  test("after the server was closed in the middle of a start", async (t) => {
    const sandbox = await startSandbox(t);
    const mark = newMark();
    killLater(t, mark);
    const { request } = processApi(sandbox);
    const starting = [1, 2, 3, 4].map(() =>
      request("POST", "/processes", { command: "sleep", args: [mark] }).catch(() => {}),
    );
    await starting[0];
    await sandbox.close();
    await Promise.all(starting);
    assert.deepEqual(await processesWith(mark), []);
  });
});

describe("survivors", () => {
  test("of a server that was killed with its reaper are found and can be ended", async (t) => {
    const dataDirectory = join(await temporary(t), "data");
    await mkdir(dataDirectory);
    const { server, mark, ids } = await withProcesses(t, dataDirectory);
    const [first = "", second = ""] = ids;
    const groups = await groupsOf(dataDirectory);
    await killWithWatchman(server);
    assert.ok((await processesWith(mark)).length >= 10);
    const next = await startServerProcess(t, { dataDirectory }, "tcp");
    const { request, info, create } = apiOf(next);
    const found = await info(first);
    assert.equal(field(found, "survivor"), true);
    assert.equal(field(found, "status"), "running");
    assert.equal(field(found, "name"), "stubborn");
    assert.equal(field(await info(second), "tty"), true);
    assert.equal((await request("POST", `/processes/${first}/input`, { data: "" })).status, 409);
    assert.equal((await request("DELETE", `/processes/${first}`)).status, 409);
    assert.equal(
      field((await request("POST", `/processes/${first}/stop?waitMs=50`)).body, "status"),
      "running",
    );
    const killed = await request("POST", `/processes/${first}/kill?waitMs=5000`);
    assert.equal(field(killed.body, "status"), "exited");
    assert.equal((await request("DELETE", `/processes/${first}`)).status, 204);
    assert.equal((await request("GET", `/processes/${first}`)).status, 404);
    assert.ok(![first, second].includes(await create({ command: "true" })));
    // Its other process ends with the server that adopted it.
    assert.ok((await processesWith(mark)).length >= 5);
    const code = exited(next);
    next.child.kill("SIGTERM");
    assert.equal(await code, 0);
    assert.deepEqual(await processesWith(mark), []);
    assert.deepEqual(await readdir(join(dataDirectory, "processes")), []);
    if (groups !== undefined) await assert.rejects(readdir(groups), { code: "ENOENT" });
  });

  test("are found by the server after the next, and unmanaged commands are killed", async (t) => {
    const dataDirectory = join(await temporary(t), "data");
    await mkdir(dataDirectory);
    const { server, api, mark, ids } = await withProcesses(t, dataDirectory);
    const runs = newMark();
    killLater(t, runs);
    void api.request("POST", "/processes/run", { command: "sleep", args: [runs] }).catch(() => {});
    await until("the command runs", async () => (await processesWith(runs)).length > 0);
    await killWithWatchman(server);
    await killWithWatchman(await startServerProcess(t, { dataDirectory }, "tcp"));
    assert.deepEqual(await processesWith(runs), []);
    const last = await startServerProcess(t, { dataDirectory }, "tcp");
    const { info } = apiOf(last);
    for (const id of ids) assert.equal(field(await info(id), "survivor"), true);
    assert.ok((await processesWith(mark)).length >= 10);
    const code = exited(last);
    last.child.kill("SIGTERM");
    assert.equal(await code, 0);
    assert.deepEqual(await processesWith(mark), []);
  });
});

/** Finds the control group directory of the server with this data directory. */
async function groupsOf(dataDirectory: string): Promise<string | undefined> {
  const [file = ""] = await readdir(join(dataDirectory, "processes"));
  const state: unknown = JSON.parse(await readFile(join(dataDirectory, "processes", file), "utf8"));
  const groups = field(state, "groups");
  assert.ok(groups === undefined || typeof groups === "string");
  return groups;
}

/** Simulates that both run out of memory: SIGKILL to the server and to its reaper. */
async function killWithWatchman(server: ServerProcess): Promise<void> {
  for (const pid of await processesWith("holdfast-reaper")) {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    if (Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]) === server.pid) process.kill(pid, "SIGKILL");
  }
  const code = exited(server);
  server.child.kill("SIGKILL");
  await code;
}
