import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { field, processesWith, startSandbox, until } from "./harness.ts";
import { processApi, readEvents } from "./processes-harness.ts";

const shell = (script: string, more: object = {}) => ({ command: "/bin/sh", args: ["-c", script], ...more });
const newMark = () => `54.${Math.floor(Math.random() * 1e9)}`;
const quick = { backoffMs: 1, maxBackoffMs: 1_000 };

describe("restart policies", () => {
  test("on-failure: restarted until it succeeds, with one log", async (t) => {
    const sandbox = await startSandbox(t);
    const { create, info, output } = processApi(sandbox);
    const script = "echo run; test -f done && exit 0; test -f half && touch done; touch half; exit 9";
    const id = await create(shell(script, { restart: { policy: "on-failure", ...quick } }));
    // Following ends with the last run, not with the first.
    const events = await readEvents(sandbox, `/processes/${id}/logs?follow=true`);
    assert.deepEqual(events.at(-1)?.data, { exitCode: 0, signal: null });
    const ended = await info(id);
    assert.equal(field(ended, "status"), "exited");
    assert.equal(field(ended, "restarts"), 2);
    assert.equal(field(ended, "restartAtMs"), undefined);
    assert.equal(await output(id), "run\nrun\nrun\n");
  });

  test("consecutive restarts are limited", async (t) => {
    const sandbox = await startSandbox(t);
    const { create, info } = processApi(sandbox);
    const id = await create(shell("exit 1", { restart: { policy: "always", maxRestarts: 3, ...quick } }));
    await readEvents(sandbox, `/processes/${id}/logs?follow=true`);
    assert.equal(field(await info(id), "restarts"), 3);
  });

  test("always: restarted after a foreign kill, not after stop; runs never overlap", async (t) => {
    const sandbox = await startSandbox(t);
    const { create, info, request } = processApi(sandbox);
    const mark = newMark();
    const id = await create(
      shell(`setsid -f sleep ${mark}; exec sleep ${mark}`, {
        name: "web",
        restart: { policy: "always", ...quick },
      }),
    );
    assert.equal((await request("POST", "/processes", { command: "true", name: "web" })).status, 409);
    await until("both run", async () => (await processesWith(mark)).length === 2);
    const first = field(await info("web"), "pid");
    process.kill(Number(first), "SIGKILL");
    await until(
      "it is back",
      async () => field(await info(id), "restarts") === 1 && field(await info(id), "status") === "running",
    );
    assert.notEqual(field(await info(id), "pid"), first);
    await until("the old ones are gone", async () => (await processesWith(mark)).length === 2);
    const stopped = await request("POST", "/processes/web/stop?waitMs=5000");
    assert.equal(field(stopped.body, "status"), "exited");
    assert.equal(field(stopped.body, "restartAtMs"), undefined);
    assert.equal((await request("DELETE", "/processes/web")).status, 204);
    assert.deepEqual(await processesWith(mark), []);
    await create({ command: "true", name: "web" });
  });

  test("a pending restart counts against the limit, and is cancelled by stop and delete", async (t) => {
    const { create, info, request } = processApi(
      await startSandbox(t, "unix", { limits: { maxConcurrentProcesses: 1 } }),
    );
    const waiting = async () => {
      const id = await create(shell("exit 1", { restart: { policy: "always", backoffMs: 60_000 } }));
      await until("it waits", async () => typeof field(await info(id), "restartAtMs") === "number");
      assert.equal(field(await info(id), "status"), "exited");
      assert.equal((await request("POST", "/processes", { command: "true" })).status, 409);
      return id;
    };
    const stopped = await request("POST", `/processes/${await waiting()}/stop`);
    assert.equal(field(stopped.body, "restartAtMs"), undefined);
    assert.equal((await request("DELETE", `/processes/${await waiting()}`)).status, 204);
    await create({ command: "true" });
  });

  test("a restart is retried while the program is missing", async (t) => {
    const { home, ...sandbox } = await startSandbox(t);
    const { create, info } = processApi(sandbox);
    const program = join(home, "program");
    await writeFile(program, `#!/bin/sh\nrm -f "$0"; exit 1\n`, { mode: 0o755 });
    const id = await create({ command: program, restart: { policy: "on-failure", ...quick } });
    await until("it was missed", async () => Number(field(await info(id), "restarts")) >= 2);
    await writeFile(program, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    await until("it succeeded", async () => field(await info(id), "exitCode") === 0);
  });
});

/** Server on a free port that prints the port, and responds with the status in the file `status`. */
const web = `
const { createServer } = require("node:http");
const { readFileSync } = require("node:fs");
const server = createServer((request, response) => {
  response.statusCode = request.url === "/health" ? Number(readFileSync("status", "utf8")) : 404;
  response.end();
});
server.listen(Number(process.env.WEB_PORT ?? 0), "127.0.0.1", () => console.log(server.address().port));
`;

describe("health checks", () => {
  test("http: healthy, unhealthy and, if configured, killed and restarted", async (t) => {
    const sandbox = await startSandbox(t);
    const { create, info, output, request } = processApi(sandbox);
    const status = join(sandbox.work, "status");
    await writeFile(status, "200");
    const scout = await create({ command: process.execPath, args: ["-e", web] });
    await until("it listens", async () => /^\d+\n$/.test(await output(scout)));
    const port = Number(await output(scout));
    await request("POST", `/processes/${scout}/kill?waitMs=5000`);
    const id = await create({
      command: process.execPath,
      args: ["-e", web],
      env: { WEB_PORT: String(port) },
      restart: { policy: "on-failure", ...quick },
      health: {
        type: "http",
        port,
        path: "/health",
        intervalMs: 20,
        retries: 2,
        startPeriodMs: 60_000,
        restart: true,
      },
    });
    const health = async () => field(await info(id), "health", "status");
    await until("it is healthy", async () => (await health()) === "healthy");
    await writeFile(status, "503");
    await until("it was brought back", async () => Number(field(await info(id), "restarts")) >= 1);
    await writeFile(status, "204");
    await until("it is healthy again", async () => (await health()) === "healthy");
  });

  test("tcp and command: each reports why it fails", async (t) => {
    const sandbox = await startSandbox(t);
    const { create, info } = processApi(sandbox);
    const sleep = { command: "sleep", args: ["60"] };
    const exec = await create({
      ...sleep,
      health: {
        type: "exec",
        command: "sh",
        args: ["-c", "test -f fine || { echo absent >&2; exit 7; }"],
        intervalMs: 20,
        retries: 1,
      },
    });
    const tcp = await create({ ...sleep, health: { type: "tcp", port: 1, intervalMs: 20, retries: 1 } });
    const hangs = await create({
      ...sleep,
      health: { type: "exec", command: "sleep", args: ["60"], timeoutMs: 50, retries: 1 },
    });
    for (const id of [exec, tcp, hangs]) {
      await until("it is unhealthy", async () => field(await info(id), "health", "status") === "unhealthy");
      assert.equal(field(await info(id), "status"), "running");
    }
    assert.equal(field(await info(exec), "health", "detail"), "exit code 7: absent");
    assert.match(String(field(await info(tcp), "health", "detail")), /ECONNREFUSED/);
    assert.equal(field(await info(hangs), "health", "detail"), "no response within 50 ms");
    await writeFile(join(sandbox.work, "fine"), "");
    await until("it is healthy", async () => field(await info(exec), "health", "status") === "healthy");
  });
});

describe("ports", () => {
  test("are those that a process or its descendants listen on", async (t) => {
    const sandbox = await startSandbox(t);
    const { create, output, request } = processApi(sandbox);
    await writeFile(join(sandbox.work, "status"), "200");
    await writeFile(join(sandbox.work, "web.cjs"), web);
    const id = await create(shell(`setsid -f ${process.execPath} web.cjs; exec sleep 60`, { name: "app" }));
    const other = await create({ command: "sleep", args: ["60"] });
    await until("it listens", async () => /^\d+\n$/.test(await output(id)));
    const port = Number(await output(id));
    const { body } = await request("GET", "/ports");
    assert.equal(field(body, "ports", 0, "port"), port);
    assert.equal(field(body, "ports", 0, "address"), "127.0.0.1");
    assert.equal(field(body, "ports", 0, "processId"), id);
    assert.equal(field(body, "ports", 0, "name"), "app");
    assert.equal(field(body, "ports", 1), undefined);
    assert.deepEqual((await request("GET", `/processes/${id}/ports`)).body, body);
    assert.deepEqual((await request("GET", `/processes/${other}/ports`)).body, { ports: [] });
    // What an agent starts is no managed process, and neither is what a command of one request starts.
    const args = ["-c", `${process.execPath} web.cjs & wait`];
    const command = request("POST", "/processes/run", { command: "sh", args });
    const withoutProcess = async () => {
      const { body: listed } = await request("GET", "/ports");
      return (field(listed, "ports") as { readonly processId?: string; readonly command?: string }[]).find(
        ({ processId }) => processId === undefined,
      );
    };
    await until("it listens", async () => (await withoutProcess()) !== undefined);
    assert.match((await withoutProcess())?.command ?? "", /web\.cjs$/);
    await sandbox.close();
    await command.catch(() => {});
  });
});
