/** What the command says when it cannot do what it was asked, and what it leaves alone then. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  command,
  commandEach,
  git,
  holdfast,
  makeRepository,
  needsJail,
  type RunningServer,
  scratch,
  start,
  startServer,
} from "./support.ts";

const program = join(import.meta.dirname, "..", "bin", "holdfast.js");

let shared: Promise<RunningServer> | undefined;
const sharedData = join(scratch(), "data");
after(async () => (await shared)?.stop("SIGKILL"));

/** The data directory of a server that some cases share. */
async function served(): Promise<string> {
  shared ??= startServer({ after: () => {} }, sharedData);
  await shared;
  return sharedData;
}

test("a wrong word is told with the one that was meant, and the reason is not buried below", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["strat"], /^There is no command "strat"\. Did you mean start\?/],
    [
      ["start", "--prot", "1"],
      /^Unknown option '--prot'\. Did you mean --port\?\n\nholdfast start \[options\]/,
    ],
    [["tasks", "lits"], /^There is no "tasks lits"\. Did you mean list\?/],
    [["actors", "lst"], /^There is no "actors lst"\. Did you mean list\?/],
    [["sandbox", "sesions"], /^There is no "sandbox sesions"\. Did you mean sessions\?/],
    [["sandbox", "daemon", "start", "--tokn", "x"], /^Unknown option '--tokn'\. Did you mean --token\?/],
  ];
  const broken = ["actors", "call", "counter/a", "add", "{bad"];
  const results = await commandEach([...cases.map(([args]) => args), broken], {
    env: { HOLDFAST_DATA: "none" },
  });
  for (const [at, [, said]] of cases.entries()) {
    const { code, stderr } = results[at] ?? {};
    assert.deepEqual([code, said.test(stderr ?? "")], [2, true], stderr);
  }
  const { stderr = "" } = results.at(-1) ?? {};
  assert.match(stderr, /is not JSON/);
  assert.ok(stderr.split("\n").length < 10, stderr);
});

test("a filter of actors that says nothing is wrong usage, with a server or without one", async (t) => {
  const data = await served();
  const options = [
    ["--status", "bad"],
    ["--limit", "many"],
    ["--limit", "0"],
    ["--created-after", "soon"],
  ];
  const lists = [data, scratch(t)].flatMap((from) =>
    options.map((option) => ["actors", "list", ...option, "--data", from]),
  );
  for (const [at, { code, stderr }] of (await commandEach(lists)).entries()) {
    assert.equal(code, 2, `${lists[at]?.join(" ")}: ${stderr}`);
    assert.match(stderr, /^(--status takes|--limit takes|"many" is not a number|"soon" is not a time)/);
  }
});

test("help of a command comes either way", async () => {
  const [before, behind] = await commandEach([
    ["help", "run"],
    ["run", "--help"],
  ]);
  assert.match(before?.stdout ?? "", /^holdfast run/);
  assert.deepEqual([before?.code, before?.stdout], [0, behind?.stdout]);
});

test("a data directory that cannot be made is told in words", async (t) => {
  const file = join(scratch(t), "file");
  writeFileSync(file, "");
  const below = join(file, "below");
  const cases = [
    [file, "it is not a directory"],
    [below, `${below}: not a directory`],
  ] as const;
  const results = await commandEach(cases.map(([data]) => ["start", "--port", "0", "--data", data]));
  for (const [at, [data, reason]] of cases.entries()) {
    const { code, stderr } = results[at] ?? {};
    const told = `The data directory ${data} cannot be used: ${reason}. Choose another one with --data DIR or HOLDFAST_DATA`;
    assert.deepEqual([code, stderr], [1, `${told} (control.data_directory)\n`]);
  }
});

test("no command takes a file for a data directory in which nothing is", async (t) => {
  const file = join(scratch(t), "file");
  writeFileSync(file, "");
  const told = `The data directory ${file} cannot be used: it is not a directory. Choose another one with --data DIR or HOLDFAST_DATA`;
  const commands = [["tasks", "list"], ["secrets", "list"], ["audit", "verify"], ["actors", "list"], ["url"]];
  const results = await commandEach(commands.map((args) => [...args, "--data", file]));
  for (const [at, { code, stdout, stderr }] of results.entries()) {
    const what = commands[at]?.join(" ");
    assert.deepEqual([code, stdout, stderr], [1, "", `${told} (control.data_directory)\n`], what);
  }
});

test("a data directory where nothing can be made ends in words, not in a loop", {
  skip: process.platform !== "linux",
}, async () => {
  for (const data of ["/proc/holdfast", "/proc/holdfast/below"]) {
    const child = start(["tasks", "list", "--data", data]);
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
    const [code] = await once(child, "close");
    clearTimeout(late);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^The data directory \/proc\/.* cannot be used: .*\(control\.data_directory\)\n$/);
  }
});

test("a repository is no data directory, and an empty variable names none", async (t) => {
  const repository = makeRepository(scratch(t));
  const { mode } = statSync(repository);
  const named = await command(["tasks", "list", "--data", repository]);
  assert.deepEqual([named.code, /control\.data_directory/.test(named.stderr)], [1, true], named.stderr);
  assert.equal((await command(["tasks", "list", "--data", ""])).code, 2);
  const unnamed = await command(["tasks", "list"], { cwd: repository, env: { HOLDFAST_DATA: "" } });
  assert.deepEqual([unnamed.code, unnamed.stdout], [0, "There are no tasks yet.\n"], unnamed.stderr);
  assert.ok(existsSync(join(repository, ".holdfast", "actors")));
  assert.equal(statSync(repository).mode, mode);
  assert.equal(git(repository, "status", "--porcelain"), "");
});

test("an agent that is installed before anything else makes the data directory as every command does", async (t) => {
  const repository = makeRepository(scratch(t));
  const first = await command(["agents", "install", "demo"], {
    cwd: repository,
    env: { HOLDFAST_DATA: ".holdfast" },
  });
  assert.equal(first.code, 0, first.stderr);
  assert.equal(statSync(join(repository, ".holdfast")).mode & 0o777, 0o700);
  assert.equal(git(repository, "status", "--porcelain"), "");
  const foreign = await command(["agents", "install", "demo", "--data", repository]);
  assert.deepEqual([foreign.code, /control\.data_directory/.test(foreign.stderr)], [1, true], foreign.stderr);
});

test("an empty variable names no port", async (t) => {
  const file = join(scratch(t), "file");
  writeFileSync(file, "");
  // It comes as far as the data directory, which cannot be used.
  const { code, stderr } = await command(["start", "--data", file], { env: { HOLDFAST_PORT: "" } });
  assert.deepEqual([code, /control\.data_directory/.test(stderr)], [1, true], stderr);
  const wrong = await command(["start", "--data", file], { env: { HOLDFAST_PORT: "web" } });
  assert.deepEqual([wrong.code, /^"web" is not a port/.test(wrong.stderr)], [2, true], wrong.stderr);
});

test("what the operating system refuses is told with the file", async () => {
  const data = await served();
  const [exported, kept, sandbox] = await commandEach([
    ["actors", "export", "organization/local", "/nowhere/x", "--data", data],
    ["backup", "/dev/null/x", "--data", data],
    ["sandbox", "server", "--port", "0", "--no-token", "--root", "/nowhere"],
  ]);
  assert.deepEqual(
    [exported?.code, exported?.stderr],
    [1, "/nowhere/x: no such file or directory (system.enoent)\n"],
  );
  assert.deepEqual([kept?.code, kept?.stderr], [1, "/dev/null/x: not a directory (system.enotdir)\n"]);
  assert.deepEqual(
    [sandbox?.code, sandbox?.stderr],
    [1, "/nowhere: no such file or directory (system.enoent)\n"],
  );
});

test("a task, or an actor, that is not there is named", async () => {
  const data = await served();
  const key = "01a20312-2c3f-70f9-ba1f-2c1d21db6877";
  const verbs = ["show", "stop", "diff", "apply"].map((verb) => ["tasks", verb, "nope", "--data", data]);
  const results = await commandEach([...verbs, ["actors", "get", `task/${key}`, "--data", data]]);
  for (const { code, stderr } of results.slice(0, -1)) {
    assert.deepEqual(
      [code, stderr],
      [1, "There is no task nope. List all tasks with: holdfast tasks list (task.not_found)\n"],
    );
  }
  assert.match(results.at(-1)?.stderr ?? "", new RegExp(`If that is its key, write task/@${key},`));
});

test("a server on a data directory with a long path is reached", async (t) => {
  const data = join(scratch(t), "d".repeat(100));
  const server = await startServer(t, data);
  const { code, stdout } = await command(["url", "--data", data]);
  assert.deepEqual([code, stdout.startsWith(server.url)], [0, true]);
  assert.equal(await server.stop(), 0);
  assert.equal(existsSync(join(data, "control.sock")), false);
  assert.match((await command(["url", "--data", data])).stderr, /control\.not_running/);
});

test("a server that listens at every address is reached by its owner, and no address is none", async (t) => {
  const data = join(scratch(t), "data");
  const server = await startServer(t, data, ["--host", "0.0.0.0"]);
  assert.match(server.link, /^http:\/\/127\.0\.0\.1:\d+\/#ticket=/);
  const { code, stdout, stderr } = await command(["tasks", "list", "--data", data]);
  assert.deepEqual([code, stdout], [0, "There are no tasks yet.\n"], stderr);
  const empty = await command(["start", "--host", "", "--data", join(scratch(t), "data")]);
  assert.deepEqual([empty.code, /^--host is empty/.test(empty.stderr)], [2, true], empty.stderr);
});

test("what is no backup, or one that broke off, is not restored", async (t) => {
  const directory = scratch(t);
  const [data, copy, restored] = ["data", "copy", "restored"].map((name) => join(directory, name));
  assert.ok(data !== undefined && copy !== undefined && restored !== undefined);
  assert.equal((await command(["tasks", "list", "--data", data])).code, 0);
  // A policy that cannot be copied: a gate without it would allow what was forbidden.
  mkdirSync(join(data, "policy.json"));
  const broken = await command(["backup", copy, "--data", data]);
  assert.equal(broken.code, 1, broken.stderr);
  const file = join(directory, "file");
  writeFileSync(file, "");
  for (const [from, code] of [
    [copy, /\(backup\.unfinished\)/],
    [scratch(t), /\(backup\.nothing_there\)/],
    [file, /\(backup\.nothing_there\)/],
  ] as const) {
    const { code: exit, stderr } = await command(["restore", from, "--data", restored]);
    assert.deepEqual([exit, code.test(stderr), existsSync(restored)], [1, true, false], stderr);
  }
  rmSync(join(data, "policy.json"), { recursive: true });
  const whole = join(directory, "whole");
  assert.equal((await command(["backup", whole, "--data", data])).code, 0);
  const { code, stderr } = await command(["restore", whole, "--data", restored]);
  assert.equal(code, 0, stderr);
});

test("a data directory in which a restore broke off is used by nobody", async (t) => {
  const directory = scratch(t);
  const [data, copy, restored] = ["data", "copy", "restored"].map((name) => join(directory, name));
  assert.ok(data !== undefined && copy !== undefined && restored !== undefined);
  assert.equal((await command(["tasks", "list", "--data", data])).code, 0);
  assert.equal((await command(["backup", copy, "--data", data])).code, 0);
  // Nothing can be copied from it. What is there by then depends on the order of the file system.
  const pipe = join(copy, "zzz");
  execFileSync("mkfifo", [pipe]);
  const broken = await command(["restore", copy, "--data", restored]);
  assert.equal(broken.code, 1, broken.stderr);
  assert.ok(existsSync(restored));
  for (const args of [
    ["tasks", "list"],
    ["start", "--port", "0"],
    ["backup", join(directory, "again")],
  ]) {
    const { code, stderr } = await command([...args, "--data", restored]);
    assert.deepEqual([code, /was interrupted.*\(backup\.unfinished\)/.test(stderr)], [1, true], stderr);
  }
  rmSync(restored, { recursive: true });
  rmSync(pipe);
  const env = { HOLDFAST_STORE: "postgres://user:secret@host/database" };
  for (const [args, what] of [
    [["backup", join(directory, "again"), "--data", data], /pg_dump --format=custom/],
    [["restore", copy, "--data", restored], /pg_restore --clean/],
  ] as const) {
    const { code, stderr } = await command(args, { env });
    assert.deepEqual([code, what.test(stderr), stderr.includes("secret")], [1, true, false], stderr);
  }
  assert.equal(existsSync(restored), false);
  assert.equal((await command(["restore", copy, "--data", restored])).code, 0);
  assert.equal((await command(["tasks", "list", "--data", restored])).code, 0);
});

test("a server that cannot be reached by its owner does not go on without", async (t) => {
  const data = join(scratch(t), "data");
  mkdirSync(join(data, "control.sock", "in the way"), { recursive: true });
  const { code, stderr } = await command(["start", "--port", "0", "--data", data]);
  assert.deepEqual([code, /control\.sock/.test(stderr)], [1, true], stderr);
});

test("a reader that has seen enough ends the command without a word", async () => {
  const child = start(["sandbox", "--help"]);
  child.stdout?.destroy();
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  assert.deepEqual([code, said], [141, ""]);
});

test("output that cannot be kept is a failure", { skip: !existsSync("/dev/full") }, async () => {
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, [program, "--help"], { stdio: ["ignore", full, "pipe"] });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  assert.deepEqual([code, /no space left/.test(said)], [1, true], said);
});

test("a level of the log that there is not is told, and others are taken as libraries spell them", async (t) => {
  const data = join(scratch(t), "data");
  const list = (level: string) =>
    holdfast(["tasks", "list", "--data", data], { env: { HOLDFAST_LOG_LEVEL: level } });
  const unknown = await list("verbose");
  assert.deepEqual(
    [unknown.code, unknown.stdout, unknown.stderr],
    [
      0,
      "There are no tasks yet.\n",
      'HOLDFAST_LOG_LEVEL: "verbose" is not one of debug, info, warn, error and silent; using warn\n',
    ],
  );
  for (const level of ["ERROR", "fatal", ""]) {
    const { code, stderr } = await list(level);
    assert.deepEqual([code, stderr], [0, ""], level);
  }
});

test("with --json a failure is one line of JSON with its code", async (t) => {
  const data = scratch(t);
  const lines = async (...args: string[]) => {
    const { code, stdout, stderr } = await command([...args, "--json", "--data", data]);
    const { type, error } = JSON.parse(stderr) as { type: string; error: { group: string; code: string } };
    return [code, stdout, type, `${error.group}.${error.code}`];
  };
  assert.deepEqual(await lines("url"), [1, "", "error", "control.not_running"]);
  assert.deepEqual(await lines("tasks", "explode"), [2, "", "error", "control.usage"]);
});

test("a mistyped agent is answered with the one that was probably meant", async (t) => {
  const data = scratch(t);
  const install = await command(["agents", "install", "codx", "--data", data]);
  assert.deepEqual(
    [install.code, /"codx"\. Did you mean codex\?/.test(install.stderr)],
    [2, true],
    install.stderr,
  );
  if (!needsJail(t)) return;
  const run = await command(["run", "--repo", "sample", "--agent", "dmo", "--data", data, "hello"]);
  assert.deepEqual([run.code, /"dmo"\. Did you mean demo\?/.test(run.stderr)], [1, true], run.stderr);
});
