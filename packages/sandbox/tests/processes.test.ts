import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { field, processesWith, startSandbox, temporary, until } from "./harness.ts";
import { entriesOf, processApi, readEvents } from "./processes-harness.ts";

const shell = (script: string, more: object = {}) => ({ command: "/bin/sh", args: ["-c", script], ...more });
const mark = () => `51.${Math.floor(Math.random() * 1e9)}`;

describe("settings", () => {
  test("match the peer's, change immediately, and are validated completely", async (t) => {
    const { request } = processApi(await startSandbox(t));
    const settings = {
      maxConcurrentProcesses: 64,
      defaultRunTimeoutMs: 30_000,
      maxRunTimeoutMs: 300_000,
      maxOutputBytes: 1_048_576,
      maxLogBytesPerProcess: 10_485_760,
      maxInputBytesPerRequest: 65_536,
    };
    assert.deepEqual(await request("GET", "/processes/config"), { status: 200, body: settings });
    const changed = { ...settings, maxOutputBytes: 3, defaultRunTimeoutMs: 900_000 };
    assert.deepEqual(await request("POST", "/processes/config", changed), {
      status: 200,
      body: { ...changed, defaultRunTimeoutMs: 300_000 },
    });
    const run = await request("POST", "/processes/run", shell("echo abcdef"));
    assert.equal(field(run.body, "stdout"), "abc");
    assert.equal(
      (await request("POST", "/processes/config", { ...settings, maxOutputBytes: 0 })).status,
      400,
    );
    assert.equal((await request("POST", "/processes/config", { maxOutputBytes: 1 })).status, 422);
    assert.equal(
      (await request("POST", "/processes/config", { ...settings, maxOutputBytes: 1.5 })).status,
      422,
    );
  });
});

describe("managed processes", () => {
  test("stop waits for the requested time, even if the clock is set back", {
    timeout: 60_000,
  }, async (t) => {
    const api = processApi(await startSandbox(t));
    const script = "trap 'echo told' TERM; echo ready; while :; do sleep 0.05; done";
    const id = await api.create({ command: "sh", args: ["-c", script] });
    await until("it is ready", async () => (await api.output(id)).includes("ready"));
    const stopping = api.request("POST", `/processes/${id}/stop?waitMs=1000`);
    await until("it is told to end", async () => (await api.output(id)).includes("told"));
    t.mock.method(Date, "now", () => 0);
    assert.equal(field((await stopping).body, "status"), "running");
  });

  test("from create to delete", async (t) => {
    const sandbox = await startSandbox(t, "unix", { env: { A: "server" } });
    const { request, create, info, output } = processApi(sandbox);
    const created = await request(
      "POST",
      "/processes",
      shell('echo "$A $B $TERM"; read x; echo "$x" >&2; exit 3', { env: { B: "mine" } }),
    );
    assert.equal(created.status, 200);
    const pid = field(created.body, "pid");
    assert.equal(typeof pid, "number");
    const { createdAtMs, ...rest } = Object.fromEntries(Object.entries(created.body ?? {}));
    assert.ok(Math.abs(Number(createdAtMs) - Date.now()) < 60_000);
    assert.deepEqual(rest, {
      id: "proc_1",
      command: "/bin/sh",
      args: ["-c", 'echo "$A $B $TERM"; read x; echo "$x" >&2; exit 3'],
      tty: false,
      interactive: false,
      owner: "user",
      status: "running",
      pid,
    });
    assert.equal((await request("DELETE", "/processes/proc_1")).status, 409);
    const input = { data: "typed\n", encoding: "utf8" };
    assert.deepEqual((await request("POST", "/processes/proc_1/input", input)).body, { bytesWritten: 6 });
    await until("it has exited", async () => field(await info("proc_1"), "status") === "exited");
    const exited = await info("proc_1");
    assert.equal(field(exited, "exitCode"), 3);
    assert.equal(field(exited, "pid"), undefined);
    assert.equal(typeof field(exited, "exitedAtMs"), "number");
    assert.equal(await output("proc_1"), "server mine \ntyped\n");
    assert.equal(await output("proc_1", "?stream=stderr"), "typed\n");
    assert.equal(await create(shell("true")), "proc_2");
    const list = await request("GET", "/processes?owner=user");
    assert.deepEqual(
      [0, 1].map((at) => field(list.body, "processes", at, "id")),
      ["proc_1", "proc_2"],
    );
    assert.deepEqual((await request("GET", "/processes?owner=desktop")).body, { processes: [] });
    assert.equal((await request("GET", "/processes?owner=me")).status, 400);
    assert.equal((await request("POST", "/processes/proc_1/input", input)).status, 409);
    assert.equal((await request("POST", "/processes/proc_1/stop")).status, 200);
    assert.equal((await request("POST", "/processes/proc_1/kill")).status, 200);
    assert.equal((await request("DELETE", "/processes/proc_1")).status, 204);
    const gone = await request("GET", "/processes/proc_1");
    assert.equal(gone.status, 404);
    assert.equal(field(gone.body, "type"), "urn:sandbox-agent:error:not_found");
    assert.deepEqual(field(gone.body, "details"), { id: "proc_1", resource: "process" });
  });

  test("stop sends SIGTERM, kill sends SIGKILL, both to all descendants", async (t) => {
    const { request, create } = processApi(await startSandbox(t));
    const stopped = mark();
    const polite = await create(shell(`sleep ${stopped} & setsid -f sleep ${stopped}; wait`));
    await until("both run", async () => (await processesWith(stopped)).length >= 3);
    const answer = await request("POST", `/processes/${polite}/stop?waitMs=5000`);
    assert.equal(field(answer.body, "status"), "exited");
    assert.equal(field(answer.body, "exitCode"), undefined);
    assert.equal(field(answer.body, "signal"), "SIGTERM");
    await until("all are gone", async () => (await processesWith(stopped)).length === 0);

    const killed = mark();
    const stubborn = await create(
      shell(
        `trap '' TERM; setsid -f sleep ${killed}; (setsid sh -c "trap '' TERM; sleep ${killed}; :" &) ; while :; do sleep ${killed}; done`,
      ),
    );
    await until("all run", async () => (await processesWith(killed)).length >= 4);
    const waited = await request("POST", `/processes/${stubborn}/stop?waitMs=50`);
    assert.equal(field(waited.body, "status"), "running");
    const ended = await request("POST", `/processes/${stubborn}/kill?waitMs=5000`);
    assert.equal(field(ended.body, "status"), "exited");
    assert.equal(field(ended.body, "signal"), "SIGKILL");
    assert.equal((await request("DELETE", `/processes/${stubborn}`)).status, 204);
    assert.deepEqual(await processesWith(killed), []);
    assert.equal((await request("POST", `/processes/${polite}/stop?waitMs=soon`)).status, 400);
  });

  test("descendants of an exited process are ended before it can be deleted", async (t) => {
    const { request, create, info } = processApi(await startSandbox(t));
    const left = mark();
    const id = await create(
      shell(`setsid -f sh -c "trap '' TERM; sleep ${left}; :"; sleep ${left} & exit 0`),
    );
    await until("it has exited", async () => field(await info(id), "status") === "exited");
    assert.equal((await request("DELETE", `/processes/${id}`)).status, 204);
    assert.deepEqual(await processesWith(left), []);
  });

  test("the limit counts running processes exactly", async (t) => {
    const { request, create } = processApi(
      await startSandbox(t, "unix", { limits: { maxConcurrentProcesses: 2 } }),
    );
    const body = { command: "sleep", args: ["60"] };
    const answers = await Promise.all([1, 2, 3].map(() => request("POST", "/processes", body)));
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 200, 409]);
    const refused = answers.find((answer) => answer.status === 409);
    assert.equal(field(refused?.body, "detail"), "max concurrent process limit reached (2)");
    const first = String(field(answers.find((answer) => answer.status === 200)?.body, "id"));
    await request("POST", `/processes/${first}/kill?waitMs=5000`);
    await create(body);
  });

  test("the list is in creation order, also beyond nine processes", async (t) => {
    const { request } = processApi(await startSandbox(t));
    // Processes on a terminal start on another code path, with other timing.
    const bodies = Array.from({ length: 11 }, (_, at) => ({
      command: "sleep",
      args: ["60"],
      tty: at % 2 === 0,
    }));
    await Promise.all(bodies.map((body) => request("POST", "/processes", body)));
    const { body } = await request("GET", "/processes");
    const ids = bodies.map((_, at) => field(body, "processes", at, "id"));
    assert.deepEqual(
      ids,
      bodies.map((_, at) => `proc_${at + 1}`),
    );
  });

  test("a program that cannot start is rejected and leaves no entry", async (t) => {
    const { work, ...sandbox } = await startSandbox(t);
    const { request } = processApi(sandbox);
    await writeFile(join(work, "script"), "#!/no/such/interpreter\n", { mode: 0o755 });
    await writeFile(join(work, "text"), "#!/bin/sh\n", { mode: 0o644 });
    const refusals: [object, number][] = [
      [{ command: "./script" }, 502],
      [{ command: "./script", tty: true }, 502],
      [{ command: "./text" }, 502],
      [{ command: "no-such-program" }, 502],
      [{ command: "no-such-program", tty: true }, 502],
      [{ command: "/etc" }, 502],
      [{ command: "true", cwd: "/no/such/directory" }, 502],
      [{ command: "true", cwd: "/no/such/directory", tty: true }, 502],
      [{ command: " " }, 400],
      [{}, 422],
      [{ command: "true", tty: "yes" }, 422],
      [{ command: "true", name: "proc_1" }, 400],
      [{ command: "true", name: "config" }, 400],
      [{ command: "true", name: "run" }, 400],
      [{ command: "true", restart: "sometimes" }, 422],
      [{ command: "true", health: { type: "tcp" } }, 422],
    ];
    for (const [body, status] of refusals) {
      assert.equal((await request("POST", "/processes", body)).status, status, JSON.stringify(body));
    }
    assert.deepEqual((await request("GET", "/processes")).body, { processes: [] });
  });

  test("input: encodings, its limit, and a process that does not read", async (t) => {
    const sandbox = await startSandbox(t, "unix", { limits: { maxInputBytesPerRequest: 1_000 } });
    const { request, create, output } = processApi(sandbox);
    const id = await create({ command: "cat" });
    for (const tty of [false, true]) {
      const closed = await create({ command: "cat", tty });
      const last = { data: "last\n", encoding: "utf8", close: true };
      assert.equal((await request("POST", `/processes/${closed}/input`, last)).status, 200);
      await until("its input has ended", async () => {
        return field((await request("GET", `/processes/${closed}`)).body, "exitCode") === 0;
      });
    }
    const send = async (body: object) => (await request("POST", `/processes/${id}/input`, body)).status;
    assert.equal(await send({ data: Buffer.from("a").toString("base64") }), 200);
    assert.equal(await send({ data: "b", encoding: "text" }), 200);
    assert.equal(await send({ data: "c", encoding: "utf8" }), 200);
    assert.equal(await send({ data: "c", encoding: "hex" }), 400);
    assert.equal(await send({ data: "?", encoding: "base64" }), 400);
    assert.equal(await send({ data: 1 }), 422);
    for (const [size, status] of [
      [999, 200],
      [1_000, 200],
      [1_001, 413],
    ] as const) {
      assert.equal(await send({ data: "x".repeat(size), encoding: "utf8" }), status);
    }
    await until("it is echoed", async () => (await output(id)) === `abc${"x".repeat(1_999)}`);
    // The payload is checked before the process.
    assert.equal(
      (await request("POST", "/processes/none/input", { data: "x", encoding: "hex" })).status,
      400,
    );
    assert.equal(
      (await request("POST", "/processes/none/input", { data: "x", encoding: "utf8" })).status,
      404,
    );
    for (const tty of [false, true]) {
      // A terminal in cooked mode drops input that no line end follows.
      const deaf = await create(shell("test -t 0 && stty raw -echo; echo ready; exec sleep 60", { tty }));
      await until("it is ready", async () => (await output(deaf)).startsWith("ready"));
      const one = { data: "x".repeat(1_000), encoding: "utf8" };
      let status = 200;
      for (let at = 0; at < 3_000 && status === 200; at += 1) {
        status = (await request("POST", `/processes/${deaf}/input`, one)).status;
      }
      assert.equal(status, 409);
    }
  });
});

describe("ids", () => {
  test("are not reused by a later server of the same data directory", async (t) => {
    const dataDirectory = join(await temporary(t), "data");
    await mkdir(dataDirectory);
    for (const expected of [
      ["proc_1", "proc_2"],
      ["proc_3", "proc_4"],
    ]) {
      const sandbox = await startSandbox(t, "unix", { dataDirectory });
      const { create } = processApi(sandbox);
      assert.deepEqual([await create({ command: "true" }), await create({ command: "true" })], expected);
      await sandbox.close();
    }
  });
});

describe("output", () => {
  test("is retained to the byte, and selected by stream, sequence and tail", async (t) => {
    const sandbox = await startSandbox(t, "unix", { limits: { maxLogBytesPerProcess: 100_000 } });
    const { request, create, info, output } = processApi(sandbox);
    const id = await create(shell("head -c 250000 /dev/zero | tr '\\0' a; printf tail"));
    await until("it has exited", async () => field(await info(id), "status") === "exited");
    const kept = await output(id);
    assert.equal(kept.length, 100_000);
    assert.equal(kept, `${"a".repeat(99_996)}tail`);
    const { body } = await request("GET", `/processes/${id}/logs`);
    const entries = entriesOf(body);
    assert.equal(field(body, "processId"), id);
    assert.equal(field(body, "stream"), "combined");
    assert.equal(field(body, "firstOffset"), 150_004);
    assert.equal(field(body, "nextOffset"), 250_004);
    assert.equal(field(entries[0], "offset"), 150_004);
    for (const entry of entries)
      assert.ok(Buffer.from(String(field(entry, "data")), "base64").length <= 8_192);
    const sequences = entries.map((entry) => Number(field(entry, "sequence")));
    const from = sequences[0] ?? 0;
    assert.deepEqual(
      sequences,
      sequences.map((_, at) => from + at),
    );
    const last = sequences.at(-1) ?? 0;
    const after = await request("GET", `/processes/${id}/logs?since=${last - 2}&tail=1`);
    assert.deepEqual(
      entriesOf(after.body).map((entry) => field(entry, "sequence")),
      [last],
    );
    assert.equal(await output(id, "?stream=stderr"), "");
    assert.equal((await request("GET", `/processes/${id}/logs?stream=all`)).status, 400);
    assert.equal((await request("GET", `/processes/${id}/logs?tail=-1`)).status, 400);
    assert.equal((await request("GET", `/processes/${id}/logs?follow=1`)).status, 400);
    // The peer's numbers have 64 bits.
    assert.equal(await output(id, "?since=18446744073709551615"), "");
    const tooWide = "18446744073709551616";
    for (const query of [`since=${tooWide}`, `tail=${tooWide}`])
      assert.equal((await request("GET", `/processes/${id}/logs?${query}`)).status, 400, query);
    const resumed = { "last-event-id": tooWide };
    assert.equal((await request("GET", `/processes/${id}/logs`, undefined, resumed)).status, 400);
    // An invalid request is reported before a missing process.
    assert.equal((await request("GET", "/processes/none/logs?stream=all")).status, 400);
    assert.equal((await request("POST", "/processes/none/stop?waitMs=-1")).status, 400);
    assert.equal((await request("GET", "/processes/none/logs")).status, 404);
  });

  test("keeps the log limit of the time when the process started", async (t) => {
    const { request, create, info, output } = processApi(await startSandbox(t));
    const settings = Object((await request("GET", "/processes/config")).body);
    const configure = (maxLogBytesPerProcess: number) =>
      request("POST", "/processes/config", { ...settings, maxLogBytesPerProcess });
    await configure(1_000);
    const small = await create(shell("read x; head -c 5000 /dev/zero | tr '\\0' a"));
    await configure(settings.maxLogBytesPerProcess);
    const large = await create(shell("read x; head -c 5000 /dev/zero | tr '\\0' a"));
    await configure(4);
    for (const id of [small, large]) {
      await request("POST", `/processes/${id}/input`, { data: "\n", encoding: "utf8" });
      await until("it has exited", async () => field(await info(id), "status") === "exited");
    }
    assert.equal((await output(small)).length, 1_000);
    assert.equal((await output(large)).length, 5_000);
  });

  test("a follower gets earlier and new output exactly once, and ends with the process", async (t) => {
    const sandbox = await startSandbox(t);
    const { request, create, output } = processApi(sandbox);
    const id = await create(shell("echo one; read x; echo two >&2; read x; echo three; exit 4"));
    await until("the first is there", async () => (await output(id)) === "one\n");
    const send = () => request("POST", `/processes/${id}/input`, { data: "\n", encoding: "utf8" });
    const followed = readEvents(sandbox, `/processes/${id}/logs?follow=true`, (events) => {
      if (events.length === 1 || events.length === 2) void send();
      return false;
    });
    const events = await followed;
    assert.deepEqual(
      events.map(({ event }) => event),
      ["log", "log", "log", "exit"],
    );
    assert.deepEqual(
      events.map(({ id: number }) => number),
      ["1", "2", "3", undefined],
    );
    assert.deepEqual(
      events.slice(0, 3).map(({ data }) => field(data, "stream")),
      ["stdout", "stderr", "stdout"],
    );
    assert.deepEqual(events[3]?.data, { exitCode: 4, signal: null });
    const texts = async (query: string, headers?: Record<string, string>) =>
      (await readEvents(sandbox, `/processes/${id}/logs?follow=true${query}`, undefined, headers))
        .filter(({ event }) => event === "log")
        .map(({ data }) => Buffer.from(String(field(data, "data")), "base64").toString());
    assert.deepEqual(await texts("", { "last-event-id": "1" }), ["two\n", "three\n"]);
    assert.deepEqual(await texts("&stream=stdout"), ["one\n", "three\n"]);
    assert.deepEqual(await texts("&tail=1"), ["three\n"]);
    assert.deepEqual(await texts("&since=99"), []);
    assert.deepEqual(await texts("&tail=0", { "last-event-id": "1" }), ["two\n", "three\n"]);
  });

  test("HEAD of a followed log returns the head only", {
    timeout: 20_000,
  }, async (t) => {
    const sandbox = await startSandbox(t, "tcp", { token: "secret" });
    const { create } = processApi(sandbox);
    const id = await create({ command: "cat" });
    const { port } = new URL(sandbox.url);
    const socket = connect(Number(port), "127.0.0.1");
    t.after(() => socket.destroy());
    const head = "host: localhost\r\nauthorization: Bearer secret\r\n\r\n";
    socket.write(`HEAD /v1/processes/${id}/logs?follow=true HTTP/1.1\r\n${head}`);
    // Responses on one connection come in request order.
    socket.write(`GET /v1/health HTTP/1.1\r\n${head}`);
    let text = "";
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.includes('"status":"ok"')) break;
    }
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*content-type: text\/event-stream/);
  });

  test("an overtaken follower gets a gap event", async (t) => {
    const sandbox = await startSandbox(t, "unix", { limits: { maxLogBytesPerProcess: 20_000 } });
    const { create, info } = processApi(sandbox);
    const id = await create(shell("echo first; head -c 100000 /dev/zero"));
    await until("it has exited", async () => field(await info(id), "status") === "exited");
    const events = await readEvents(sandbox, `/processes/${id}/logs?follow=true&since=1`);
    assert.equal(events[0]?.event, "gap");
    assert.equal(field(events[0]?.data, "from"), 2);
    assert.equal(String(Number(field(events[0]?.data, "to")) + 1), events[1]?.id);
  });

  test("exited processes are retained up to a limit, named ones always", async (t) => {
    const { request, create, info } = processApi(
      await startSandbox(t, "unix", { limits: { maxExitedProcesses: 2 } }),
    );
    const named = await create({ command: "true", name: "keep" });
    const exited = async (id: string) => field(await info(id), "status") === "exited";
    await until("it has exited", () => exited(named));
    const ids: string[] = [];
    for (let at = 0; at < 4; at += 1) {
      const id = await create({ command: "true" });
      await until("it has exited", () => exited(id));
      ids.push(id);
    }
    const { body } = await request("GET", "/processes");
    assert.deepEqual(
      [0, 1, 2, 3].map((at) => field(body, "processes", at, "id")),
      [named, ids[2], ids[3], undefined],
    );
  });
});
