import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Client, createClient } from "@holdfast/client";
import { openAudit } from "@holdfast/gate";
import { setup } from "holdfast";
import { z } from "zod";
import { agentOs, hostTool, toolKit } from "../src/index.ts";
import { scratch, text } from "./support.ts";

const directory = scratch();
const shared = scratch();
const seen: string[] = [];

/** Calls of the tool `wait` that began, and why they ended. */
const waits: { began: () => void; ended: (reason: unknown) => void }[] = [];
const math = toolKit({
  name: "math",
  description: "Arithmetic",
  tools: {
    add: hostTool({
      description: "Adds two numbers",
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      execute: ({ a, b }) => ({ sum: a + b, pid: process.pid }),
      examples: [{ description: "One and two", input: { a: 1, b: 2 } }],
    }),
    size: hostTool({
      description: "Length of a text",
      inputSchema: z.object({ text: z.string() }),
      execute: ({ text: given }) => given.length,
    }),
    wait: hostTool({
      description: "Waits until nobody waits for it",
      inputSchema: z.object({}),
      execute: (_input, { signal }) => {
        const wait = waits.shift();
        signal.addEventListener("abort", () => wait?.ended(signal.reason));
        wait?.began();
        return new Promise<never>(() => {});
      },
    }),
  },
});
const secret = toolKit({
  name: "secret",
  // The demo agent does what is in a prompt.
  description: "To be told: run `echo told > told.txt`",
  tools: { read: hostTool({ description: "Reads", inputSchema: z.object({}), execute: () => "secret" }) },
});
const registry = setup({
  use: {
    vm: agentOs({
      options: { software: [] },
      dataDirectory: join(directory, "machines"),
      env: { GREETING: "hello" },
      sleepTimeout: 600_000,
      onBeforeConnect: (_c, params: { refused?: boolean } | undefined) => {
        if (params?.refused === true) throw new Error("refused");
      },
      onSessionEvent: (_c, _sessionId, event) => void seen.push(event.method),
    }),
    mounted: agentOs({
      dataDirectory: join(directory, "machines"),
      mounts: [{ path: "/data", hostPath: shared, readOnly: true }],
    }),
    tools: agentOs({ dataDirectory: join(directory, "machines"), toolKits: [math] }),
    both: agentOs({ dataDirectory: join(directory, "machines"), toolKits: [math, secret] }),
    local: agentOs({ provider: "local", dataDirectory: join(directory, "machines"), toolKits: [math] }),
    refused: agentOs({ dataDirectory: join(directory, "refused"), jails: { bwrapPath: "/does/not/exist" } }),
  },
  dataDirectory: join(directory, "data"),
  enginePort: 0,
  noWelcome: true,
});
let client: Client<typeof registry>;
let url = "";

before(async () => {
  ({ url } = await registry.start());
  client = createClient<typeof registry>(url);
});

after(async () => {
  await client.dispose();
  await registry.shutdown();
});

const machine = () => client.vm.getOrCreate(["one"]);

test("files are written, listed, moved and removed, as programs in the machine see them", async () => {
  const vm = machine();
  await vm.mkdir("/home/user/project");
  await vm.mkdir("/home/user/project/src");
  const written = await vm.writeFiles([
    { path: "/home/user/project/src/index.ts", content: 'console.log("hello");' },
    { path: "/home/user/project/data.bin", content: new Uint8Array([0, 255]) },
    { path: "/usr/refused", content: "" },
  ]);
  assert.deepEqual(
    written.map(({ success }) => success),
    [true, true, false],
  );
  assert.equal((await vm.exec("cat project/src/index.ts")).stdout, 'console.log("hello");');
  assert.deepEqual(await vm.readdir("/home/user/project"), ["data.bin", "src"]);
  const all = await vm.readdirRecursive("/home/user/project", { maxDepth: 3 });
  assert.deepEqual(
    all.map(({ path, type }) => [path, type]),
    [
      ["/home/user/project/data.bin", "file"],
      ["/home/user/project/src", "directory"],
      ["/home/user/project/src/index.ts", "file"],
    ],
  );
  const info = await vm.stat("/home/user/project/data.bin");
  assert.deepEqual([info.size, info.isDirectory], [2, false]);
  await vm.move("/home/user/project/data.bin", "/home/user/project/moved.bin");
  assert.equal(await vm.exists("/home/user/project/data.bin"), false);
  const read = await vm.readFiles(["/home/user/project/moved.bin", "/missing"]);
  assert.deepEqual([read[0]?.content, read[1]?.content], [new Uint8Array([0, 255]), null]);
  await assert.rejects(async () => vm.deleteFile("/home/user/project"));
  await vm.deleteFile("/home/user/project", { recursive: true });
  assert.equal(await vm.exists("/home/user/project"), false);
});

test("a command has its own output, environment, input and limits, and no network", async () => {
  const vm = machine();
  const result = await vm.exec('echo "$GREETING $NAME"; echo problem >&2; exit 3', {
    env: { NAME: "world" },
  });
  assert.deepEqual(result, { stdout: "hello world\n", stderr: "problem\n", exitCode: 3 });
  assert.equal((await vm.exec("pwd", { cwd: "/workspace" })).stdout, "/workspace\n");
  assert.equal((await vm.exec("cat; echo", { stdin: "fed" })).stdout, "fed\n");
  assert.equal((await vm.exec("kill -KILL $$")).exitCode, 137);
  await assert.rejects(async () => vm.exec("sleep 60", { timeout: 200 }), { code: "timed_out" });
  assert.match((await vm.exec("ls /proc/net/dev && tail -n +3 /proc/net/dev | wc -l")).stdout, /\b1\n$/);
  for (const bad of [undefined, "", 7]) {
    await assert.rejects(async () => vm.exec(bad as unknown as string), { code: "invalid_request" });
  }
});

test("processes stream their output, take input and are stopped", async () => {
  const vm = machine();
  const conn = vm.connect();
  const output: string[] = [];
  const exits = new Map<number, PromiseWithResolvers<number>>();
  conn.on("processOutput", ({ stream, data }) => void output.push(`${stream}: ${text(data)}`));
  conn.on("processExit", ({ pid, exitCode }) => exits.get(pid)?.resolve(exitCode));
  await conn.ready;
  await vm.writeFile("echo.mjs", "process.stdin.on('data', (d) => process.stdout.write('got ' + d));");
  const { pid } = await vm.spawn("node", ["echo.mjs"]);
  exits.set(pid, Promise.withResolvers());
  assert.equal((await vm.getProcess(pid)).running, true);
  await vm.writeProcessStdin(pid, "this\n");
  await vm.closeProcessStdin(pid);
  assert.equal(await vm.waitProcess(pid), 0);
  assert.equal(await exits.get(pid)?.promise, 0);
  assert.deepEqual(output, ["stdout: got this\n"]);
  assert.deepEqual([(await vm.getProcess(pid)).running, (await vm.getProcess(pid)).exitCode], [false, 0]);

  const sleeper = await vm.spawn("sleep", ["600"]);
  assert.ok(
    (await vm.allProcesses()).some(({ pid: each, args }) => each === sleeper.pid && args[0] === "600"),
  );
  const [root] = await vm.processTree();
  assert.equal(root?.pid, 1);
  await vm.stopProcess(sleeper.pid);
  assert.equal(await vm.waitProcess(sleeper.pid), 143);
  await assert.rejects(async () => vm.stopProcess(sleeper.pid), { code: "invalid_request" });
  await assert.rejects(async () => vm.waitProcess(999_999), { code: "not_found" });
  assert.equal((await vm.listProcesses()).length, 2);
  await conn.dispose();
});

test("a shell has a terminal", async () => {
  const vm = machine();
  const conn = vm.connect();
  let shown = "";
  const resized = Promise.withResolvers<void>();
  conn.on("shellData", ({ data }) => {
    shown += text(data);
    if (shown.includes("120\r\n")) resized.resolve();
  });
  await conn.ready;
  const { shellId } = await vm.openShell({ cols: 100, rows: 30 });
  await vm.resizeShell(shellId, 120, 40);
  await vm.writeShell(shellId, "stty size | cut -d' ' -f2\n");
  await resized.promise;
  const exit = vm.waitShell(shellId);
  await vm.closeShell(shellId);
  assert.equal(await exit, 137);
  await assert.rejects(async () => vm.writeShell("proc_9999", "x"), { code: "not_found" });
  await conn.dispose();
});

test("a server in the machine answers vmFetch, and a browser with a preview URL", async () => {
  const vm = machine();
  const conn = vm.connect();
  const listening = Promise.withResolvers<void>();
  conn.on("processOutput", () => listening.resolve());
  await conn.ready;
  await vm.writeFile(
    "server.js",
    `require("http").createServer((request, response) => {
      response.writeHead(201, { "x-own": "yes" });
      request.pipe(response).write(request.method + " " + request.url + " ");
    }).listen(3000, () => console.log("ready"));`,
  );
  const { pid } = await vm.spawn("node", ["server.js"]);
  await listening.promise;
  const answer = await vm.vmFetch(3000, "http://localhost/api?x=1", { method: "POST", body: "sent" });
  assert.deepEqual(
    [answer.status, answer.headers["x-own"], text(answer.body)],
    [201, "yes", "POST /api?x=1 sent"],
  );
  await assert.rejects(async () => vm.vmFetch(3001, "/"), { code: "port_unreachable" });

  const preview = await vm.createSignedPreviewUrl(3000);
  const base = `${(await vm.getGatewayUrl()).replace(/\/$/, "")}${preview.path}`;
  const shown = await fetch(`${base}/page?y=2`, { method: "PUT", body: "body" });
  assert.deepEqual([shown.status, await shown.text()], [201, "PUT /page?y=2 body"]);
  assert.equal(shown.headers.get("access-control-allow-origin"), "*");
  await vm.expireSignedPreviewUrl(preview.token);
  assert.equal((await fetch(`${base}/page`)).status, 403);
  await assert.rejects(async () => vm.createSignedPreviewUrl(3000, 100_000), { code: "invalid_request" });
  await vm.killProcess(pid);
  await conn.dispose();
});

test("jobs run on their schedule", async () => {
  const vm = machine();
  const conn = vm.connect();
  const events: string[] = [];
  const ran = Promise.withResolvers<void>();
  conn.on("cronEvent", ({ event }) => {
    events.push(event.type);
    if (event.type !== "cron:fire") ran.resolve();
  });
  await conn.ready;
  const { id } = await vm.scheduleCron({
    schedule: "* * * * * *",
    action: { type: "exec", command: "sh", args: ["-c", "echo 'a b' >> ticks"] },
  });
  await ran.promise;
  const [job] = await vm.listCronJobs();
  assert.deepEqual([job?.id, job?.schedule], [id, "* * * * * *"]);
  await vm.cancelCronJob(id);
  assert.deepEqual(await vm.listCronJobs(), []);
  assert.deepEqual(events.slice(0, 2), ["cron:fire", "cron:complete"]);
  assert.match(text(await vm.readFile("ticks")), /^a b\n/);
  await assert.rejects(async () => vm.cancelCronJob(id), { code: "not_found" });
  await assert.rejects(async () =>
    vm.scheduleCron({ schedule: "never", action: { type: "exec", command: "true" } }),
  );
  const job2 = {
    id: "x",
    schedule: "* * * * *",
    overlap: "allow",
    action: { type: "exec", command: "true" },
  };
  const direct = vm as unknown as { runCronJob(job: unknown): Promise<void> };
  await assert.rejects(async () => direct.runCronJob(job2), { code: "invalid_request" });
  await conn.dispose();
});

test("a session with an agent streams, asks, and leaves its transcript", async () => {
  const vm = machine();
  const conn = vm.connect();
  conn.on("permissionRequest", ({ sessionId, request }) => {
    void vm.respondPermission(sessionId, request.permissionId, "once");
  });
  const streamed: string[] = [];
  conn.on("sessionEvent", ({ event }) => void streamed.push(event.method));
  await conn.ready;
  assert.ok((await vm.listAgents()).some(({ id, installed }) => id === "demo" && installed));
  const session = await vm.createSession("demo", { cwd: "/workspace", additionalInstructions: "Be short." });
  const { response, text: said } = await vm.sendPrompt(session.sessionId, 'Write "seen" to seen.txt');
  assert.equal((response.result as { stopReason: string }).stopReason, "end_turn");
  assert.notEqual(said, "");
  assert.equal(text(await vm.readFile("/workspace/seen.txt")).trim(), "seen");
  const events = await vm.getSessionEvents(session.sessionId);
  assert.equal(events.length, streamed.length);
  assert.equal(seen.length, streamed.length);
  const last = (await vm.getSequencedEvents(session.sessionId)).at(-2)?.sequenceNumber;
  assert.equal((await vm.getEvents(session.sessionId, { since: last ?? 0 })).length, 1);
  assert.deepEqual(await vm.listSessions(), [{ sessionId: session.sessionId, agentType: "demo" }]);
  await vm.closeSession(session.sessionId);
  assert.deepEqual(await vm.listSessions(), []);
  assert.equal((await vm.listPersistedSessions()).length, 1);
  await vm.resumeSession(session.sessionId);
  assert.equal((await vm.sendPrompt(session.sessionId, "fail")).response.error?.code, -32603);
  await vm.destroySession(session.sessionId);
  await assert.rejects(async () => vm.getSessionEvents(session.sessionId), { code: "not_found" });
  await assert.rejects(async () => vm.createSession("demo", { env: { ANTHROPIC_API_KEY: "sk" } }), {
    code: "key_stays_outside",
  });
  await conn.dispose();
});

test("each actor has a machine of its own, and a hook refuses callers", async () => {
  await machine().writeFile("mine", "");
  const other = client.vm.getOrCreate(["two"]);
  assert.equal(await other.exists("mine"), false);
  const refused = client.vm.getOrCreate(["one"], { params: { refused: true } });
  await assert.rejects(async () => refused.exec("true"));
});

test("mounts, the local provider and a host without jails", async () => {
  writeFileSync(join(shared, "file"), "of the host");
  const mounted = client.mounted.getOrCreate(["a"]);
  const { stdout, exitCode } = await mounted.exec("cat /data/file; touch /data/other");
  assert.deepEqual([stdout, exitCode], ["of the host", 1]);

  const local = client.local.getOrCreate(["a"]);
  await local.writeFile("own", "kept");
  const result = await local.exec(`cat own && pwd && test -f ${join(shared, "file")}`);
  assert.match(result.stdout, /^kept\/.*\/home\n$/);
  assert.equal(result.exitCode, 0);
  assert.match((await local.exec("agentos-math add --a 1 --b 2")).stdout, /"sum":3/);

  await assert.rejects(async () => client.refused.getOrCreate(["a"]).exec("true"), {
    code: "no_jail",
    message: /bubblewrap|bwrap/,
  });
});

/** The next call of the tool `wait`. */
function nextWait() {
  const began = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<unknown>();
  waits.push({ began: began.resolve, ended: ended.resolve });
  return { began: began.promise, ended: ended.promise };
}

test("programs call functions of the host as commands, with perl and with Node", async () => {
  const vm = client.tools.getOrCreate(["a"]);
  const added = await vm.exec("agentos-math add --a 1 --b 2");
  assert.deepEqual([added.exitCode, added.stderr], [0, ""]);
  assert.deepEqual(JSON.parse(added.stdout), { ok: true, result: { sum: 3, pid: process.pid } });
  const failed = await vm.exec("agentos-math add --a 1");
  assert.deepEqual([failed.exitCode, failed.stdout], [1, ""]);
  assert.equal(JSON.parse(failed.stderr).error, "VALIDATION_ERROR");
  await vm.writeFile("in.json", JSON.stringify({ text: "ä\n" }));
  const lines = [
    "agentos-math size --json-file in.json",
    "agentos-math size < in.json",
    "cat in.json | agentos-math size",
    "agentos-math size --text 'ab'",
    "agentos-math size --text ''",
    "agentos-math size --json-file none; agentos-math size < /dev/null",
    "head -c 1048577 /dev/zero | agentos-math size",
    "agentos list-tools",
  ];
  const script = lines.join(";");
  const first = await vm.exec(script);
  // Where there is no perl.
  const node = "node /opt/holdfast/tools/client.mjs agentos-math";
  const second = await vm.exec(script.replaceAll("agentos-math", node));
  assert.deepEqual(
    first.stdout
      .trim()
      .split("\n")
      .slice(0, 5)
      .map((line) => JSON.parse(line).result),
    [2, 2, 2, 2, 0],
  );
  assert.match(
    first.stderr,
    /none cannot be read: .*\n.*at \\"text\\".*\n.*INPUT_TOO_LARGE.*more than 1048576/,
  );
  assert.equal(second.stdout, first.stdout);
  assert.match(second.stderr, /none cannot be read: .*\n.*at \\"text\\".*\n.*INPUT_TOO_LARGE/);
  const session = await vm.createSession("demo", { skipOsInstructions: true });
  const { response } = await vm.sendPrompt(
    session.sessionId,
    "Without asking, run `agentos-math add --a 2 --b 2 > sum`",
  );
  assert.equal((response.result as { stopReason: string }).stopReason, "end_turn");
  assert.match(text(await vm.readFile("sum")), /"sum":4/);
  const audit = await openAudit(join(directory, "machines", "jail"));
  const [call] = await audit.query({ type: "tool.call", limit: 1 });
  assert.match(call?.jailId ?? "", /^vm-/);
  assert.equal(call?.data?.["tool"], "math add");
});

test("a machine has no tools but its own, and a hostile program harms only its own calls", async () => {
  const [vm, both] = [client.tools.getOrCreate(["a"]), client.both.getOrCreate(["a"])];
  assert.match((await both.exec("agentos-secret read")).stdout, /"secret"/);
  assert.equal((await vm.exec("agentos-secret read")).exitCode, 127);
  // What the command would send.
  await vm.writeFile(
    "raw.js",
    `const socket = require("net").connect(process.env.HOLDFAST_TOOLS);
    socket.end(process.argv[2] === "flood" ? "9 ".repeat(4_000_000) : JSON.parse('"' + process.argv[2] + '"'));
    let said = "";
    socket.on("data", (chunk) => { said += chunk; });
    socket.on("close", () => console.log(said));
    socket.on("error", () => {});`,
  );
  const raw = async (request: string) => (await vm.exec(`node raw.js '${request}'`)).stdout;
  assert.match(await raw("4 1 agentos-secret\\nread"), /^1.*TOOLKIT_NOT_FOUND/);
  assert.match(await raw("nonsense\\n"), /^1.*VALIDATION_ERROR/);
  assert.match(await raw("999999999 1 agentos-math\\n"), /^1.*INPUT_TOO_LARGE/);
  assert.match(await raw("flood"), /^1.*VALIDATION_ERROR/);
  // An agent is told of them in front of its first prompt, also where it wants no other instructions.
  const { sessionId } = await both.createSession("demo", { skipOsInstructions: true });
  await both.sendPrompt(sessionId, "Without asking, please");
  assert.equal(text(await both.readFile("told.txt")), "told\n");
  const wait = nextWait();
  const { pid } = await vm.spawn("agentos-math", ["wait"]);
  await wait.began;
  await vm.killProcess(pid);
  await wait.ended;
  assert.match((await vm.exec("agentos-math add --a 1 --b 2")).stdout, /"sum":3/);
});

test("a call in progress ends with an error when its machine sleeps", async () => {
  const vm = client.tools.getOrCreate(["a"]);
  const wait = nextWait();
  await vm.spawn("sh", ["-c", "agentos-math wait 2> why; echo $? > code"]);
  await wait.began;
  const [actor] = (await client.tools.list({ prefix: ["a"] })).actors;
  const slept = await fetch(new URL(`/actors/tools/${actor?.id}/sleep`, url), { method: "POST" });
  assert.equal(slept.status, 204);
  assert.match(String(await wait.ended), /The machine stops/);
  assert.equal(JSON.parse(text(await vm.readFile("why"))).error, "MACHINE_STOPPED");
  assert.equal(text(await vm.readFile("code")), "1\n");
});

test("machines share the compiled code of their programs, which none of them can write", async () => {
  const caches = join(directory, "machines", "jail", "code-cache");
  const made = () => existsSync(caches) && readdirSync(caches).some((name) => !name.endsWith(".partial"));
  // Soon after the start of the second machine.
  while (!made()) await machine().exec("true");
  const script =
    "ls /opt/holdfast/code-cache/*/* | wc -l; touch /opt/holdfast/code-cache/x; printenv NODE_COMPILE_CACHE || echo unset";
  const { stdout, stderr } = await client.vm.getOrCreate(["three"]).exec(script);
  assert.match(stdout, /^[1-9]\d*\nunset\n$/);
  assert.match(stderr, /Read-only file system/);
});
