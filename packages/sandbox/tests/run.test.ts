import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { field, processesWith, soonMs, startSandbox, until } from "./harness.ts";
import { processApi } from "./processes-harness.ts";

describe("runs", () => {
  test("output, exit code and environment", async (t) => {
    const { client, home, work } = await startSandbox(t, "unix", { env: { A: "server", TERM: "dumb" } });
    const result = await client.run({
      command: "/bin/sh",
      args: ["-c", 'echo "$A $B $HOME $PWD $TERM"; echo oops >&2; exit 7'],
      env: { B: "mine" },
    });
    assert.equal(result.stdout, `server mine ${home} ${work} xterm-256color\n`);
    assert.equal(result.stderr, "oops\n");
    assert.equal(result.exitCode, 7);
    assert.equal(result.timedOut, false);
  });

  test("a command gets only the requested environment, and nothing of its starter's", async (t) => {
    const { client } = await startSandbox(t, "unix", { env: {} });
    const names = async (env: Record<string, string>) => {
      const { stdout } = await client.run({ command: "env", env });
      const lines = stdout.trim().split("\n");
      return lines
        .map((line) => line.split("=", 1)[0])
        .filter((name) => name !== "LANG")
        .sort();
    };
    const given = ["HOLDFAST_SANDBOX", "HOME", "PATH", "TERM"];
    assert.deepEqual(await names({}), given);
    assert.deepEqual(await names({ PWD: "/", SHLVL: "7" }), [...given, "PWD", "SHLVL"].sort());
  });

  test("a signal gives no exit code, and a timeout ends all descendants", async (t) => {
    const { client } = await startSandbox(t);
    assert.equal((await client.run({ command: "/bin/sh", args: ["-c", "kill -9 $$"] })).exitCode, null);
    const mark = `31.${Math.floor(Math.random() * 1e9)}`;
    const startedAt = performance.now();
    const result = await client.run({
      command: "/bin/sh",
      args: ["-c", `sleep ${mark} & sleep ${mark}`],
      timeoutMs: 300,
    });
    assert.equal(result.timedOut, true);
    assert.equal(result.exitCode, null);
    assert.ok(performance.now() - startedAt < soonMs);
    assert.deepEqual(await processesWith(mark), []);
  });

  test("a background child neither delays the response nor survives it", async (t) => {
    const { client } = await startSandbox(t);
    const mark = `32.${Math.floor(Math.random() * 1e9)}`;
    const startedAt = performance.now();
    const result = await client.run({
      command: "/bin/sh",
      args: ["-c", `setsid sleep ${mark} & sleep ${mark} & echo done`],
    });
    assert.equal(result.stdout, "done\n");
    assert.ok(performance.now() - startedAt < soonMs);
    assert.deepEqual(await processesWith(mark), []);
  });

  test("endless output is cut at the limit", async (t) => {
    const { client } = await startSandbox(t);
    const result = await client.run({
      command: "/bin/sh",
      args: ["-c", "yes | head -c 50000000"],
      maxOutputBytes: 1_000,
    });
    assert.equal(result.stdout.length, 1_000);
    assert.equal(result.stdoutTruncated, true);
    assert.equal(result.stderrTruncated, false);
    assert.equal(result.exitCode, 0);
  });

  test("a limit of 0 discards the output, and a limit may be as large as the peer's numbers", async (t) => {
    const { url, fetch } = await startSandbox(t);
    const run = async (fields: string) => {
      const body = `{"command":"/bin/sh","args":["-c","echo out"],${fields}}`;
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${url}/v1/processes/run`, { method: "POST", headers, body });
      const { stdout, stdoutTruncated } = JSON.parse(await response.text());
      return [response.status, stdout, stdoutTruncated];
    };
    assert.deepEqual(await run('"maxOutputBytes":0'), [200, "", true]);
    assert.deepEqual(await run('"maxOutputBytes":4'), [200, "out\n", false]);
    const most = "18446744073709551615";
    assert.deepEqual(await run(`"timeoutMs":${most},"maxOutputBytes":${most}`), [200, "out\n", false]);
    assert.deepEqual(await run('"cwd":""'), [502, undefined, undefined]);
    assert.deepEqual(await run('"timeoutMs":-1'), [422, undefined, undefined]);
  });

  test("~ names a working directory below HOME", async (t) => {
    const { client, home } = await startSandbox(t);
    await mkdir(join(home, "project"));
    assert.equal((await client.run({ command: "pwd", cwd: "~" })).stdout, `${home}\n`);
    assert.equal((await client.run({ command: "pwd", cwd: "~/project" })).stdout, `${home}/project\n`);
  });

  test("a disconnect of the client ends its run", async (t) => {
    const { client } = await startSandbox(t);
    const mark = `33.${Math.floor(Math.random() * 1e9)}`;
    const stop = new AbortController();
    const run = client.run({ command: "sleep", args: [mark] }, { signal: stop.signal });
    await until("it runs", async () => (await processesWith(mark)).length > 0);
    stop.abort();
    await assert.rejects(run, { name: "AbortError" });
    await until("it is gone", async () => (await processesWith(mark)).length === 0);
  });

  test("the response of a long run starts before its end, so that no proxy times out", async (t) => {
    const { url, fetch } = await startSandbox(t, "unix", { limits: { heartbeatMs: 20 } });
    const post = (path: string, body?: object) =>
      fetch(`${url}/v1${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const waiting = ["-c", "until [ -e go ]; do sleep 0.05; done"];
    const run = await post("/processes/run", { command: "sh", args: waiting });
    assert.equal((await post("/processes/run", { command: "touch", args: ["go"] })).status, 200);
    const { exitCode, timedOut } = JSON.parse(await run.text());
    assert.deepEqual([run.status, exitCode, timedOut], [200, 0, false]);
    const name = "stubborn";
    const stubborn = ["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"];
    await post("/processes", { name, command: "sh", args: stubborn });
    await until("it is ready", async () => {
      const logs = await fetch(`${url}/v1/processes/${name}/logs`);
      return JSON.parse(await logs.text()).entries.length > 0;
    });
    const stopped = await post(`/processes/${name}/stop?waitMs=100000`);
    await post(`/processes/${name}/kill`);
    assert.equal(JSON.parse(await stopped.text()).status, "exited");
  });

  test("the response of a queued run starts before the run, whether it can be started or not", async (t) => {
    const limits = { heartbeatMs: 20, maxConcurrentRuns: 1 };
    const { url, fetch, work } = await startSandbox(t, "unix", { limits });
    const post = (command: string, ...args: readonly string[]) =>
      fetch(`${url}/v1/processes/run`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ command, args }),
      });
    const first = await post("sh", "-c", "until [ -e go ]; do sleep 0.05; done");
    const waiting = await Promise.all([post("echo", "my turn"), post("no-such-program")]);
    await writeFile(join(work, "go"), "");
    assert.equal(field(await first.json(), "exitCode"), 0);
    const [ran, refused] = await Promise.all(waiting.map((each): Promise<unknown> => each.json()));
    assert.equal(field(ran, "stdout"), "my turn\n");
    assert.deepEqual(
      [waiting[1]?.status, field(refused, "exitCode"), field(refused, "stderr")],
      [200, 127, "failed to spawn process: ENOENT\n"],
      "the status was given before; what it cannot say any more is told as shells do",
    );
  });

  test("commands that cannot run are rejected", async (t) => {
    const { client, url, fetch } = await startSandbox(t);
    await assert.rejects(client.run({ command: "no-such-program" }), (error) =>
      isErrorCode(error, "sandbox", "stream_error"),
    );
    await assert.rejects(client.run({ command: "true", cwd: "/no/such/directory" }), (error) =>
      isErrorCode(error, "sandbox", "stream_error"),
    );
    await assert.rejects(client.run({ command: " " }), (error) =>
      isErrorCode(error, "sandbox", "invalid_request"),
    );
    const post = async (body: string, type = "application/json") =>
      (await fetch(`${url}/v1/processes/run`, { method: "POST", headers: { "content-type": type }, body }))
        .status;
    assert.equal(await post("{"), 400);
    assert.equal(await post("[]"), 422);
    assert.equal(await post('{"command":1}'), 422);
    assert.equal(await post('{"command":"true","args":[1]}'), 422);
    assert.equal(await post('{"command":"true","env":{"A=B":"x"}}'), 422);
    assert.equal(await post('{"command":"true","timeoutMs":-1}'), 422);
    assert.equal(await post("{}", "text/plain"), 415);
  });

  test("runs beyond the limit are queued", async (t) => {
    const { client, work } = await startSandbox(t, "unix", { limits: { maxConcurrentRuns: 1 } });
    const alone = { command: "sh", args: ["-c", "mkdir one && sleep 0.02 && rmdir one"], cwd: work };
    const runs = await Promise.all(Array.from({ length: 8 }, () => client.run(alone)));
    assert.deepEqual(
      runs.map(({ exitCode }) => exitCode),
      runs.map(() => 0),
    );
  });

  test("the queue is bounded", async (t) => {
    const limits = { maxConcurrentRuns: 1, maxWaitingRuns: 0 };
    const { client } = await startSandbox(t, "unix", { limits });
    const stop = new AbortController();
    const first = client.run({ command: "sleep", args: ["20"] }, { signal: stop.signal });
    first.catch(() => {});
    await until("the limit is reached", async () =>
      client.run({ command: "true" }).then(
        () => false,
        (error: unknown) => isErrorCode(error, "sandbox", "conflict"),
      ),
    );
    stop.abort();
    await assert.rejects(first);
  });

  test("timeouts beyond the range of a timer never fire", async (t) => {
    const endless = 1e12;
    const sandbox = await startSandbox(t, "unix", { limits: { idleInstanceMs: endless } });
    const { client } = sandbox;
    const acp = client.acp("left", { agent: "demo" });
    await acp.request("initialize", {});
    acp.detach();
    const { request } = processApi(sandbox);
    const { body } = await request("GET", "/processes/config");
    assert.ok(typeof body === "object");
    const changed = await request("POST", "/processes/config", { ...body, maxRunTimeoutMs: endless });
    assert.equal(changed.status, 200);
    const result = await client.run({ command: "sleep", args: ["0.5"], timeoutMs: endless });
    assert.deepEqual([result.exitCode, result.timedOut], [0, false]);
    assert.equal((await client.listAcpServers()).length, 1, "the agent was not taken for idle");
    const restart = { policy: "always", backoffMs: endless };
    assert.equal((await request("POST", "/processes", { command: "true", restart })).status, 422);
  });
});
