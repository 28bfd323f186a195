import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "@holdfast/testing/free-port";
import { compileCache, ownImports } from "@holdfast/testing/own-imports";
import { eventData } from "../src/cli/api-acp.ts";
import { createSandboxServer } from "../src/index.ts";
import { field, temporary } from "./harness.ts";
import { processApi } from "./processes-harness.ts";

const entry = fileURLToPath(new URL("../src/cli.ts", import.meta.url));

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one verb in a separate process with its own environment. */
async function cli(env: Record<string, string>, ...args: readonly string[]): Promise<Result> {
  const { PATH = "" } = process.env;
  return await new Promise((resolve) => {
    execFile(
      process.execPath,
      [...ownImports, entry, ...args],
      { env: { PATH, ...compileCache, ...env }, timeout: 60_000 },
      (error, stdout, stderr) => {
        const code = typeof error?.code === "number" ? error.code : error ? -1 : 0;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

/** Runs many command lines in one process, which is enough for those that call no server. */
const many = `
import { sandboxCommand } from ${JSON.stringify(new URL("../src/cli/command.ts", import.meta.url).href)};
const results = [];
const toStdout = process.stdout.write.bind(process.stdout);
for (const args of JSON.parse(process.argv[1])) {
  const result = { stdout: "", stderr: "" };
  process.stdout.write = (text) => { result.stdout += text; return true; };
  process.stderr.write = (text) => { result.stderr += text; return true; };
  results.push({ ...result, code: await sandboxCommand(args), stdout: result.stdout, stderr: result.stderr });
}
toStdout(JSON.stringify(results));
`;

async function cliMany(home: string, lines: readonly (readonly string[])[]): Promise<readonly Result[]> {
  const args = [...ownImports, "--input-type=module", "--eval", many, JSON.stringify(lines)];
  const { PATH = "" } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: { PATH, ...compileCache, HOME: home },
  });
  return JSON.parse(stdout) as readonly Result[];
}

/** Starts a server with a token. Returns it with the options that reach it. */
async function running(t: TestContext) {
  const home = await temporary(t);
  const work = join(home, "work");
  await mkdir(work);
  const server = await createSandboxServer({ listen: { host: "127.0.0.1", port: 0 }, home, cwd: work });
  t.after(() => server.close());
  const env = {
    HOME: home,
    HOLDFAST_SANDBOX_URL: server.url ?? "",
    HOLDFAST_SANDBOX_TOKEN: server.token ?? "",
  };
  const run = (...args: readonly string[]) => cli(env, ...args);
  return { home, work, server, env, run };
}

describe("the command line", () => {
  test("wrong usage exits with 2 and prints the usage, --help exits with 0", async (t) => {
    const home = await temporary(t);
    const wrong: readonly (readonly string[])[] = [
      ["nonsense"],
      ["api"],
      ["api", "agents"],
      ["api", "agents", "list", "--odd"],
      ["api", "acp", "post"],
      ["daemon", "restart"],
      ["credentials", "extract-env"],
      ["credentials", "extract", "--agent", "nobody"],
      ["install-agent"],
      ["install"],
      ["install", "nothing"],
      ["install", "desktop", "--package-manager", "brew"],
      ["mcp", "extra"],
      ["server", "--port", "70000"],
      ["server", "--unix", "a", "--dial", "b"],
      ["fs", "ls", "a", "b"],
      ["sessions", "prompt", "id"],
      ["processes", "run"],
    ];
    for (const [index, result] of (await cliMany(home, wrong)).entries()) {
      const { code, stdout, stderr } = result;
      assert.equal(code, 2, `${wrong[index]?.join(" ")}: ${stderr}`);
      assert.match(stderr, /holdfast sandbox/);
      assert.equal(stdout, "");
    }
    const outside = await cli({ HOME: home }, "fs", "ls", "--odd");
    assert.equal(outside.code, 2, "the code is that of the process");
    const verbs = ["", "server", "api", "api agents", "api acp", "daemon", "credentials", "install-agent"];
    // The peer accepts its global options before the verb.
    const helps = [...verbs, "install", "mcp", "sessions", "processes", "fs", "-n -t x api agents"].map(
      (text) => [...text.split(" ").filter((word) => word !== ""), "--help"],
    );
    for (const [index, { code, stdout }] of (await cliMany(home, helps)).entries()) {
      assert.equal(code, 0, helps[index]?.join(" "));
      assert.match(stdout, /^holdfast sandbox/);
    }
  });

  test("exit codes and the version of local verbs are the peer's", async (t) => {
    const home = await temporary(t);
    const post = ["api", "acp", "post", "--server-id", "x"];
    const failing: readonly (readonly string[])[] = [
      post,
      [...post, "--json", "{"],
      [...post, "--json", "{}", "--json-file", "f"],
      ["credentials", "extract", "--provider", "google"],
      ["credentials", "extract", "--agent", "amp", "--json"],
      ["-V"],
      ["credentials", "extract", "--json"],
    ];
    const results = await cliMany(home, failing);
    assert.deepEqual(
      results.map(({ code }) => code),
      [1, 1, 1, 1, 1, 0, 0],
    );
    for (const { code, stdout, stderr } of results) {
      assert.equal(stdout === "", code === 1, stdout);
      assert.equal(stderr === "", code === 0, stderr);
    }
    assert.match(results[5]?.stdout ?? "", /^holdfast sandbox \d+\.\d+\.\d+\n$/);
  });

  test("with --json errors are one line of JSON on standard error", async (t) => {
    const home = await temporary(t);
    const results = await cliMany(home, [
      ["sessions", "list", "-e", "ftp://x", "--json"],
      ["sessions", "unknown", "--json"],
      ["unknown", "--json"],
      ["server", "--unknown", "--json"],
      ["server", "--host", "0.0.0.0", "--port", "0", "--json"],
    ]);
    const errors = results.map(({ code, stdout, stderr }) => {
      assert.equal(stdout, "");
      assert.match(stderr, /^.+\n$/);
      return [
        code,
        `${field(JSON.parse(stderr), "error", "group")}.${field(JSON.parse(stderr), "error", "code")}`,
      ];
    });
    assert.deepEqual(errors, [
      [1, "sandbox.invalid_endpoint"],
      [2, "control.usage"],
      [2, "control.usage"],
      [2, "control.usage"],
      [1, "sandbox.remote_not_allowed"],
    ]);
  });

  test("a failure exits with 1 and is reported on standard error", async (t) => {
    const { run, env } = await running(t);
    const [unreachable, refused, foreign, missing] = await Promise.all([
      cli({ ...env, HOLDFAST_SANDBOX_URL: `http://127.0.0.1:${await freePort()}` }, "api", "agents", "list"),
      run("api", "agents", "list", "-t", "wrong"),
      run("api", "agents", "list", "-e", "ftp://x"),
      run("opencode"),
    ]);
    for (const [result, code] of [
      [unreachable, "unreachable"],
      [refused, "token_invalid"],
      [foreign, "invalid_endpoint"],
      [missing, "agent_not_installed"],
    ] as const) {
      assert.equal(result.code, 1, result.stderr);
      assert.match(result.stderr, new RegExp(`\\(sandbox\\.${code}\\)\\n$`));
    }
  });

  test("agents are listed, reported and installed, as text and as JSON", async (t) => {
    const { run } = await running(t);
    const [words, list, report, install] = await Promise.all([
      run("api", "agents", "list"),
      run("api", "agents", "list", "--json"),
      run("api", "agents", "report"),
      run("api", "agents", "install", "mock", "--json"),
    ]);
    assert.match(words.stdout, /^mock\s+installed$/m);
    assert.match(words.stdout, /^claude\s+not installed\s+no credential$/m);
    const agents = field(JSON.parse(list.stdout), "agents") as { id: string }[];
    assert.ok(agents.some((agent) => agent.id === "codex"));
    assert.match(report.stdout, /thought_level: low, medium, high/);
    assert.equal(field(JSON.parse(install.stdout), "already_installed"), true);
  });

  test("a question during a prompt is printed with the command that answers it", async (t) => {
    const { run, env, work } = await running(t);
    const id = (await run("sessions", "new", "--agent", "demo")).stdout.trim();
    const { PATH = "" } = process.env;
    const prompting = spawn(process.execPath, [entry, "sessions", "prompt", id, "write", "notes", "--json"], {
      env: { PATH, ...compileCache, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
    });
    t.after(() => prompting.kill("SIGKILL"));
    // It may end before the command that answers it.
    const exited = once(prompting, "exit");
    const output = text(prompting.stdout);
    const told = createInterface(prompting.stderr)[Symbol.asyncIterator]();
    assert.match((await told.next()).value ?? "", /^The agent asks: Edit NOTES\.md$/);
    const [answer] = String((await told.next()).value).split("   # ");
    const [, , ...words] = (answer ?? "").trim().split(" ");
    assert.deepEqual(words.slice(0, 3), ["sessions", "answer", id]);
    assert.equal(words.at(-1), "once");
    assert.equal((await run(...words)).code, 0, "the line is one that can be given as it is");
    assert.equal((await exited)[0], 0);
    assert.equal(field(JSON.parse(await output), "status"), "completed", "the questions are not in the JSON");
    assert.match(await readFile(join(work, "NOTES.md"), "utf8"), /write notes/);
  });

  test("a question during a prompt can be answered in the terminal", {
    timeout: 60_000,
  }, async (t) => {
    const { run, env, work, server } = await running(t);
    const id = (await run("sessions", "new", "--agent", "demo")).stdout.trim();
    const { PATH = "" } = process.env;
    const withToken: typeof fetch = (url, init) => {
      const headers = new Headers(init?.headers);
      headers.set("authorization", `Bearer ${server.token}`);
      return fetch(url, { ...init, headers });
    };
    const api = processApi({ url: server.url ?? "", fetch: withToken });
    const prompting = await api.create({
      command: process.execPath,
      args: [entry, "sessions", "prompt", id, "write", "notes"],
      env: { PATH, ...compileCache, ...env },
      tty: true,
    });
    const asks = "reject (Reject)? ";
    let seen = "";
    for await (const data of eventData(
      await withToken(`${server.url}/v1/processes/${prompting}/logs?follow=true`),
    )) {
      const isAsked = seen.includes(asks);
      seen += Buffer.from(String(JSON.parse(data).data ?? ""), "base64").toString("utf8");
      if (isAsked || !seen.includes(asks)) continue;
      await api.request("POST", `/processes/${prompting}/input`, { data: "once\n", encoding: "utf8" });
    }
    assert.match(seen, /The agent asks: Edit NOTES\.md\r\n.*end_turn\r\n$/s);
    assert.equal(field(await api.info(prompting), "exitCode"), 0);
    assert.match(await readFile(join(work, "NOTES.md"), "utf8"), /write notes/);
  });

  test("messages reach an agent and its responses are printed", async (t) => {
    const { run, home } = await running(t);
    const message = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "initialize", params: {} });
    const posted = await run(
      "api",
      "acp",
      "post",
      "--server-id",
      "a b",
      "--agent",
      "mock",
      "--json",
      message,
    );
    assert.equal(field(JSON.parse(posted.stdout), "id"), 7);
    const file = join(home, "message.json");
    await writeFile(file, message);
    const again = await run("api", "acp", "post", "--server-id", "a b", "--json-file", file);
    assert.equal(again.code, 0, again.stderr);
    const streaming = run("api", "acp", "stream", "--server-id", "a b", "--last-event-id", "1");
    // The stream ends with its agent.
    const closed = await run("api", "acp", "close", "--server-id", "a b");
    assert.equal(closed.code, 0);
    await streaming;
    assert.equal(
      (await run("api", "acp", "post", "--server-id", "n", "--json", "{}")).code,
      1,
      "no agent named",
    );
  });

  test("sessions, processes and files of a server can be managed", async (t) => {
    const { run, work } = await running(t);
    const id = (await run("sessions", "new", "--agent", "demo", "--mode", "auto")).stdout.trim();
    assert.match(id, /^[0-9a-f-]{36}$/);
    const turn = await run("sessions", "prompt", id, "write", "notes", "without", "asking");
    assert.deepEqual([turn.code, turn.stdout], [0, "end_turn\n"], turn.stderr);
    assert.match(await readFile(join(work, "NOTES.md"), "utf8"), /write notes without asking/);
    const failed = await run("sessions", "prompt", id, "fail");
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /asked to fail/);
    const events = await run("sessions", "events", id, "--json");
    assert.equal(field(JSON.parse(events.stdout), "events", 0, "sequence"), 1);

    assert.equal((await run("sessions", "archive", id)).code, 0);
    assert.equal((await run("sessions", "list")).stdout, "");
    assert.match((await run("sessions", "list", "--archived")).stdout, new RegExp(`^${id} `));
    const back = await run("sessions", "unarchive", id, "--json");
    assert.equal(field(JSON.parse(back.stdout), "id"), id);
    assert.match((await run("sessions", "list")).stdout, new RegExp(`^${id} `));

    const ran = await run("processes", "run", "--cwd", work, "--", "sh", "-c", "pwd; echo oops >&2; exit 3");
    assert.deepEqual([ran.code, ran.stdout, ran.stderr], [1, `${work}\n`, "oops\n"]);
    const pid = (await run("processes", "start", "--", "sh", "-c", "echo started; sleep 60")).stdout.trim();
    assert.match((await run("processes", "list")).stdout, new RegExp(`^${pid}\\s+running`, "m"));
    const killed = await run("processes", "kill", pid, "--json");
    assert.equal(field(JSON.parse(killed.stdout), "status"), "exited");
    assert.equal((await run("processes", "logs", pid)).stdout, "started\n");
    const script = "printf 'caf\\303'; printf '\\251\\033[1m\\nend\\n'";
    const seen = (await run("processes", "start", "--tty", "--", "sh", "-c", script)).stdout.trim();
    const followed = await run("processes", "logs", seen, "--follow");
    assert.deepEqual([followed.code, followed.stdout], [0, "café\\u001b[1m\nend\n"], followed.stderr);
    assert.equal((await run("processes", "logs", seen)).stdout, "café\\u001b[1m\nend\n");
    const entries = (await run("processes", "logs", seen, "--follow", "--json")).stdout.trim().split("\n");
    assert.equal(field(JSON.parse(entries[0] ?? ""), "encoding"), "base64");

    for (const verb of ["processes", "sessions"]) {
      const gone = verb === "processes" ? pid : id;
      const deleted = await run(verb, "delete", gone, "--json");
      assert.deepEqual([deleted.code, JSON.parse(deleted.stdout)], [0, { id: gone, deleted: true }]);
    }

    const source = join(work, "source.bin");
    await writeFile(source, Buffer.from([0, 255, 10]));
    assert.equal((await run("fs", "put", join(work, "copy.bin"), source)).code, 0);
    assert.deepEqual(await readFile(join(work, "copy.bin")), Buffer.from([0, 255, 10]));
    const large = Buffer.alloc(200_000, "abcde\0\u00ff");
    await writeFile(join(work, "large.bin"), large);
    const told = JSON.parse((await run("fs", "cat", join(work, "large.bin"), "--json")).stdout);
    assert.deepEqual([told.path, told.encoding], [join(work, "large.bin"), "base64"]);
    assert.ok(Buffer.from(told.data, "base64").equals(large));
    assert.equal((await run("fs", "rm", join(work, "large.bin"))).code, 0);
    assert.equal((await run("fs", "mv", join(work, "copy.bin"), join(work, "moved.bin"))).code, 0);
    assert.match((await run("fs", "ls", work)).stdout, /^file\s+3\s+moved\.bin$/m);
    assert.equal((await run("fs", "rm", join(work, "moved.bin"))).code, 0);
    assert.equal((await run("fs", "stat", join(work, "moved.bin"))).code, 1);
    const missing = await run("fs", "put", join(work, "copy.bin"), join(work, "missing.bin"));
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /missing\.bin/);
    assert.match((await run("fs", "put", join(work, "copy.bin"), work)).stderr, /is a directory/);
  });
});

describe("credentials on the command line", () => {
  const key = "sk-ant-api03-secret-0123456789";

  test("no complete key is printed without --reveal", async (t) => {
    const home = await temporary(t);
    await mkdir(join(home, ".codex"));
    await writeFile(
      join(home, ".codex/auth.json"),
      JSON.stringify({ tokens: { access_token: `oauth-${key}` } }),
    );
    const env = { HOME: home, ANTHROPIC_API_KEY: key };
    const run = (...args: readonly string[]) => cli(env, "credentials", ...args);
    const [all, json, agent, provider, login, shown, exported, refused] = await Promise.all([
      run("extract"),
      run("extract", "--json"),
      run("extract", "--agent", "claude", "--json"),
      run("extract", "--provider", "anthropic"),
      run("extract", "--no-oauth", "--json"),
      run("extract", "--reveal", "--json"),
      run("extract-env", "--reveal", "--export"),
      run("extract-env"),
    ]);
    for (const { stdout, stderr } of [all, json, agent, provider, login, refused]) {
      assert.ok(!(stdout + stderr).includes(key));
    }
    assert.match(all.stdout, /^anthropic\s+api_key\s+sk-a\.\.\.6789\s+environment:ANTHROPIC_API_KEY$/m);
    const openai = {
      provider: "openai",
      source: "~/.codex/auth.json",
      auth_type: "oauth",
      api_key: "oaut...6789",
      redacted: true,
    };
    assert.deepEqual(field(JSON.parse(json.stdout), "openai"), openai);
    assert.deepEqual(Object.keys(JSON.parse(agent.stdout) as object), ["anthropic", "other"]);
    assert.deepEqual(Object.keys(JSON.parse(login.stdout) as object), ["anthropic", "other"]);
    assert.equal(field(JSON.parse(shown.stdout), "anthropic", "api_key"), key);
    assert.match(exported.stdout, new RegExp(`^export ANTHROPIC_API_KEY=${key}$`, "m"));
    assert.equal(refused.code, 2);
  });
});

describe("the server verb", () => {
  test("serves without a token if configured, only to the allowed origins, and installs nothing if that is forbidden", async (t) => {
    const home = await temporary(t);
    const { PATH = "" } = process.env;
    const origin = ["-O", "https://app.example", "-M", "GET", "-A", "x-mine", "-C"];
    const peers = ["--no-telemetry", "--install-agents"];
    const args = [entry, "server", "--no-token", "--port", "0", "--json", ...peers, ...origin];
    const child = spawn(process.execPath, args, {
      env: { PATH, ...compileCache, HOME: home, SANDBOX_AGENT_REQUIRE_PREINSTALL: "1" },
      stdio: ["ignore", "pipe", "ignore"],
    });
    t.after(() => child.kill("SIGKILL"));
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const ready = JSON.parse(line) as { event: string; url: string };
    assert.deepEqual(Object.keys(ready), ["event", "url"]);
    const headers = { origin: "https://app.example" };
    const health = await fetch(`${ready.url}/v1/health`, { headers });
    assert.deepEqual(await health.json(), { status: "ok" });
    assert.equal(health.headers.get("access-control-allow-origin"), "https://app.example");
    assert.equal(health.headers.get("access-control-allow-credentials"), "true");
    assert.equal(
      (await fetch(`${ready.url}/v1/health`, { headers: { origin: "https://other.example" } })).status,
      403,
    );
    const agent = await fetch(`${ready.url}/v1/acp/a?agent=qwen`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: 1 } }),
    });
    assert.deepEqual([agent.status, field(await agent.json(), "code")], [404, "agent_not_installed"]);
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await exit, [0, null]);
  });

  test("does not listen for other machines by default", async (t) => {
    const home = await temporary(t);
    const refused = await cli({ HOME: home }, "server", "--host", "0.0.0.0", "--port", "0");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /can be reached from other machines/);
    assert.match(refused.stderr, /--allow-remote \(sandbox\.remote_not_allowed\)\n$/);
  });

  test("a port in use is reported with its error code", async (t) => {
    const home = await temporary(t);
    const owner = createServer();
    t.after(() => owner.close());
    await new Promise<void>((resolve) => owner.listen(0, "127.0.0.1", resolve));
    const address = owner.address();
    const where = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
    const { code, stdout, stderr } = await cli(
      { HOME: home },
      "server",
      "-n",
      "-p",
      where.split(":")[1] ?? "",
    );
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(stderr, `Something else listens on ${where} (sandbox.address_in_use)\n`);
  });
});

describe("a server in the background", () => {
  test("starts once, is found again and stopped, and no other process is touched", async (t) => {
    const home = await temporary(t);
    const port = String(await freePort());
    const daemon = async (...args: readonly string[]) => {
      const result = await cli(
        { HOME: home, SECRET: "visible" },
        "daemon",
        ...args,
        "--port",
        port,
        "--json",
      );
      return { ...result, answer: result.stdout === "" ? undefined : (JSON.parse(result.stdout) as unknown) };
    };
    assert.deepEqual((await daemon("status")).answer, { running: false });
    const started = await daemon("start");
    assert.equal(started.code, 0, started.stderr);
    t.after(() => daemon("stop"));
    const token = String(field(started.answer, "token"));
    const url = `http://127.0.0.1:${port}`;
    assert.equal(field(started.answer, "url"), url);
    assert.equal((await fetch(`${url}/v1/health`)).status, 401);
    const authorization = `Bearer ${token}`;
    assert.equal((await fetch(`${url}/v1/health`, { headers: { authorization } })).status, 200);
    const pid = Number(field(started.answer, "pid"));
    const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8");
    assert.ok(!commandLine.includes(token), "the token is not on the command line");
    const echoed = await fetch(`${url}/v1/processes/run`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ command: "sh", args: ["-c", 'echo "$SECRET $HOLDFAST_SANDBOX_TOKEN"'] }),
    });
    assert.equal(
      field(await echoed.json(), "stdout"),
      "visible \n",
      "the environment is passed on, not the token",
    );

    const again = await daemon("start", "--upgrade");
    assert.deepEqual([field(again.answer, "started"), field(again.answer, "pid")], [false, pid]);
    assert.equal(field((await daemon("status")).answer, "pid"), pid);
    assert.deepEqual((await daemon("stop")).answer, { running: false, stopped: true });
    // A zombie process has no command line.
    assert.equal(await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""), "");
    assert.deepEqual((await daemon("stop")).answer, { running: false, stopped: false });

    // A record whose process id now belongs to another process.
    const record = join(home, `.local/share/holdfast/sandbox/daemon-127.0.0.1-${port}.json`);
    const other = { version: 1, pid: process.pid, began: "1", url, release: "0.0.0" };
    await writeFile(record, JSON.stringify(other));
    assert.deepEqual((await daemon("status")).answer, { running: false });
    assert.deepEqual((await daemon("stop")).answer, { running: false, stopped: false });
  });

  test("a port in use fails with the reason and does not touch its owner", async (t) => {
    const home = await temporary(t);
    const owner = createServer();
    await new Promise<void>((resolve) => owner.listen(0, "127.0.0.1", resolve));
    t.after(() => owner.close());
    const address = owner.address();
    const port = String(typeof address === "object" && address !== null ? address.port : 0);
    const result = await cli({ HOME: home }, "daemon", "start", "--no-token", "--port", port);
    assert.equal(result.code, 1);
    assert.match(
      result.stderr,
      /did not start: it exited with code 1\nSomething else listens on 127\.0\.0\.1:\d+/,
    );
    assert.ok(owner.listening);
  });
});

test("an interrupted installation leaves no files", { timeout: 60_000 }, async (t) => {
  const home = await temporary(t);
  const agents = join(home, "agents");
  const asked = Promise.withResolvers<void>();
  // A registry that never responds.
  const registry = createServer(() => asked.resolve()).listen(0, "127.0.0.1");
  t.after(() => registry.close());
  await once(registry, "listening");
  const address = registry.address();
  assert.ok(address !== null && typeof address === "object");
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [entry, "install-agent", "codex", "--agents-directory", agents], {
    env: { PATH, HOME: home, npm_config_registry: `http://127.0.0.1:${address.port}/` },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "exit");
  const said = child.stderr.setEncoding("utf8").toArray();
  await asked.promise;
  child.kill("SIGINT");
  assert.deepEqual(await exited, [130, null]);
  assert.match((await said).join(""), /Interrupted/);
  assert.deepEqual(await readdir(agents), []);
});
