import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { commands } from "@holdfast/studio/cli";
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

/** One task to its end, with every question of its agent answered by yes. */
function runAllowed(repository: string, data: string, prompt: string) {
  return command(["run", "--repo", repository, "--data", data, "--approve", "allow", prompt]);
}

describe("usage", () => {
  test("wrong usage is exit code 2 with the usage of the command", async () => {
    const cases: readonly (readonly string[])[] = [
      [],
      ["dance"],
      ["constructor"],
      ["run"],
      ["run", ""],
      ["run", "--approve", "maybe", "x"],
      ["run", "--wrong", "x"],
      ["run", "one", "two"],
      ["start", "--port", "65536"],
      ["tasks"],
      ["run", "--branch", "work", "x"],
      ["prompt", "--approve", "allow", "x"],
      ["tasks", "show"],
      ["tasks", "list", "waiting"],
      ["tasks", "show", "x", "--branch", "work"],
      ["groups", "list", "home"],
      ["agents", "list", "codex"],
      ["auth", "status", "openai"],
      ["doctor", "--only", "network"],
      ["doctor", "--attack", "--only", "netwrok"],
      ["agents", "install", "nobody"],
      ["auth", "api-key", "nobody"],
      ["backup"],
    ];
    const results = await commandEach(cases);
    for (const [at, { code, stdout, stderr }] of results.entries()) {
      assert.equal(code, 2, `${cases[at]?.join(" ")}: ${stderr}`);
      assert.match(stdout + stderr, /holdfast/);
    }
    const [first = []] = cases;
    assert.deepEqual(await holdfast(first), results[0], "the process ends with that code");
  });

  test("every command of the Studio is among those of holdfast", async () => {
    const { stdout } = await command(["--help"]);
    const named = stdout.split("\n").map((line) => /^ {2}(\S+) /.exec(line)?.[1]);
    assert.deepEqual(
      Object.keys(commands).filter((name) => !named.includes(name)),
      [],
    );
  });

  test("help and version are exit code 0", async () => {
    const lists = [["--help"], ["--version"], ["run", "--help"], ["doctor", "-h"]];
    for (const { code, stdout } of await commandEach(lists)) {
      assert.equal(code, 0);
      assert.notEqual(stdout, "");
    }
  });
});

describe("run", () => {
  test("the demo agent ends with a diff, exit 0 and an untouched working tree", async (t) => {
    if (!needsJail(t)) return;
    const directory = scratch(t);
    const repository = makeRepository(directory);
    const before = git(repository, "rev-parse", "HEAD");
    const result = await holdfast(
      [
        "run",
        "--repo",
        repository,
        "--agent",
        "demo",
        "--data",
        join(directory, "data"),
        "add a line to the README",
      ],
      { input: "y\n" },
    );
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /modified README\.md \(\+1 -0\)/);
    assert.equal(git(repository, "status", "--porcelain"), "");
    assert.equal(git(repository, "rev-parse", "HEAD"), before);
    assert.equal(git(repository, "branch", "--format", "%(refname:short)").trim(), "main");
  });

  test("a denied question leaves the file alone", async (t) => {
    if (!needsJail(t)) return;
    const directory = scratch(t);
    const repository = makeRepository(directory);
    const data = join(directory, "data");
    const result = await holdfast(
      ["run", "--repo", repository, "--data", data, "--json", "add a line to the README"],
      {
        input: "n\n",
      },
    );
    assert.equal(result.code, 0, result.stderr);
    const lines = result.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual((lines.at(-1) as { diff: { files: unknown[] } }).diff.files, []);
    const sequence = lines.slice(0, -1).map((line) => line["seq"]);
    assert.deepEqual(
      sequence,
      Array.from(sequence, (_, index) => index + 1),
    );
  });

  test("--apply puts the diff on a new branch and nothing else", async (t) => {
    if (!needsJail(t)) return;
    const directory = scratch(t);
    const repository = makeRepository(directory);
    const args = [
      "run",
      "--repo",
      repository,
      "--data",
      join(directory, "data"),
      "--approve",
      "allow",
      "--apply",
    ];
    const result = await command([...args, "--branch", "work/it", "add a line to the README"]);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /Applied to branch work\/it/);
    assert.equal(git(repository, "diff", "--name-only", "main", "work/it").trim(), "README.md");
    assert.equal(git(repository, "status", "--porcelain"), "");
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`${signal} is a failure that allows nothing and applies nothing`, async (t) => {
      if (!needsJail(t)) return;
      const directory = scratch(t);
      const repository = makeRepository(directory);
      const where = ["--repo", repository, "--data", join(directory, "data")];
      const child = start(["run", ...where, "--apply", "add a line to the README"]);
      const ended = once(child, "close");
      let stdout = "";
      child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
        stdout += chunk;
      });
      let stderr = "";
      child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
        // Whoever is asked ends the run, and the shell with it what would have answered.
        if (!stderr.includes("y or n: ") && `${stderr}${chunk}`.includes("y or n: ")) {
          child.kill(signal);
          child.stderr?.once("data", () => child.stdin?.end());
        }
        stderr += chunk;
      });
      const [code] = (await ended) as [number | null];
      assert.equal(code, 1, stderr);
      assert.match(stderr, /y or n: not answered\n/);
      assert.match(stdout, /\[approval cancelled\]\n\[turn ended: cancelled\]\nNo changes\./);
      assert.equal(git(repository, "branch", "--format", "%(refname:short)").trim(), "main");
    });
  }

  test("the data directory inside the repository does not show up in git", async (t) => {
    if (!needsJail(t)) return;
    const repository = makeRepository(scratch(t));
    const result = await command(["run", "--approve", "allow", "add a line to the README"], {
      cwd: repository,
      env: { HOLDFAST_DATA: ".holdfast" },
    });
    assert.equal(result.code, 0, result.stderr);
    assert.ok(existsSync(join(repository, ".holdfast")));
    assert.equal(git(repository, "status", "--porcelain"), "");
  });

  test("without a jail it works, and says so each time", async (t) => {
    const directory = scratch(t);
    const repository = makeRepository(directory);
    const data = ["--data", join(directory, "data")];
    const result = await command([
      "run",
      "--unsafe-no-jail",
      "--repo",
      repository,
      ...data,
      "add a line to the README",
    ]);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /UNSAFE: agents run without a jail/);
    // There is nobody to ask and no jail: the agent's question is denied.
    assert.match(result.stdout, /No changes\./);
    const list = await command(["tasks", "list", "--json", ...data]);
    assert.equal((JSON.parse(list.stdout) as { unsafe: boolean }).unsafe, true);
  });

  test("what makes its jail is a choice, and one that is not there is said in words", async (t) => {
    const directory = scratch(t);
    const socket = join(directory, "no-engine.sock");
    const data = ["--data", join(directory, "data")];
    const run = (args: readonly string[], env: Record<string, string> = {}) =>
      command(["run", "--repo", makeRepository(scratch(t)), ...data, ...args, "add a line"], { env });
    const asked = await run(["--driver", "docker", "--engine-socket", socket]);
    assert.equal(asked.code, 1, asked.stderr);
    assert.match(asked.stderr, /No container engine answers on .*no-engine\.sock/);
    assert.match(asked.stderr, /jail\.unavailable/);
    const set = await run([], { HOLDFAST_JAIL_DRIVER: "podman", HOLDFAST_ENGINE_SOCKET: socket });
    assert.match(set.stderr, /No container engine answers on .*no-engine\.sock/);
    for (const [args, env, reason] of [
      [["--driver", "chroot"], {}, /--driver must be one of bubblewrap, podman, docker, gvisor/],
      [[], { HOLDFAST_JAIL_DRIVER: "chroot" }, /HOLDFAST_JAIL_DRIVER must be one of/],
      [["--driver", "docker", "--unsafe-no-jail"], {}, /--driver and --unsafe-no-jail exclude each other/],
    ] as const) {
      const refused = await run(args, env);
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, reason);
    }
  });

  test("an agent that fails is exit code 1", async (t) => {
    if (!needsJail(t)) return;
    const directory = scratch(t);
    const repository = makeRepository(directory);
    const result = await command(["run", "--repo", repository, "--data", join(directory, "data"), "crash"]);
    assert.equal(result.code, 1, result.stderr);
  });

  test("bad repositories and agents are said in words", async (t) => {
    const directory = scratch(t);
    const repository = makeRepository(directory);
    const data = ["--data", join(directory, "data")];
    writeFileSync(join(repository, "new.txt"), "not committed\n");
    git(directory, "init", "-q", "--bare", "bare.git");
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["--repo", join(directory, "missing")], /repository\.not_found/],
      [["--repo", directory], /repository\.not_a_repository/],
      [["--repo", join(directory, "bare.git")], /repository\.bare/],
      [["--repo", repository], /--from-head.*repository\.dirty/],
      [["--repo", repository, "--from-head", "--agent", "nobody"], /agent\./],
    ];
    const results = await commandEach(cases.map(([args]) => ["run", ...data, ...args, "do it"]));
    for (const [at, { code, stdout, stderr }] of results.entries()) {
      assert.equal(code, 1, stdout);
      assert.match(stderr, cases[at]?.[1] ?? /never/);
      assert.doesNotMatch(stderr, /\n\s+at /);
    }
  });

  test("without bubblewrap no agent starts", async (t) => {
    const directory = scratch(t);
    const repository = makeRepository(directory);
    const tools = join(directory, "bin");
    git(directory, "init", "-q", tools);
    const found = spawnSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).stdout.trim();
    spawnSync("ln", ["-s", found, join(tools, "git")]);
    const result = await command(["run", "--repo", repository, "--data", join(directory, "data"), "do it"], {
      env: { PATH: tools },
    });
    assert.equal(result.code, 1);
    assert.equal(result.stderr.match(/bubblewrap is not installed/g)?.length, 1, result.stderr);
    assert.match(result.stderr, /jail\.unavailable/);

    // The Studio itself starts, and says what is missing.
    const server = await startServer(t, join(directory, "other"), [], { PATH: tools });
    assert.match(server.link, /#ticket=/);
    assert.equal(await server.stop(), 0);
    assert.equal(server.stderr().match(/bubblewrap is not installed/g)?.length, 1, server.stderr());
  });
});

describe("start", () => {
  let server: RunningServer;
  const directory = scratch();
  /** Of the server. */
  const data = join(directory, "data");
  const repository = makeRepository(directory);

  before(async () => {
    server = await startServer({ after: () => undefined }, data);
  });
  after(() => server?.stop("SIGKILL"));

  test("a port in use and a second server are said in words", async (t) => {
    const blocker = createServer().listen(0, "127.0.0.1");
    t.after(() => blocker.close());
    await new Promise((resolve) => blocker.once("listening", resolve));
    const address = blocker.address();
    assert.ok(address !== null && typeof address === "object");
    const busy = await command(["start", "--port", String(address.port), "--data", join(directory, "a")]);
    assert.equal(busy.code, 1);
    assert.match(
      busy.stderr,
      /choose another one with --port \d+ or HOLDFAST_PORT\. \(gateway\.port_in_use\)/,
    );

    const second = await command(["start", "--port", "0", "--data", data]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /locked/);
  });

  test("it ends cleanly when its terminal is closed, which is told twice", async (t) => {
    const server = await startServer(t, join(scratch(t), "data"));
    server.process.kill("SIGHUP");
    assert.equal(await server.stop("SIGHUP"), 0);
  });

  test("run attaches to the server that owns the data directory", async (t) => {
    if (!needsJail(t)) return;
    const result = await runAllowed(repository, data, "add a line to the README");
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /modified README\.md/);
    const list = await command(["tasks", "list", "--json", "--data", data]);
    const task = JSON.parse(list.stdout.trim()) as { id: string; status: string };
    assert.equal(task.status, "idle");
    const applied = await command(["tasks", "apply", task.id, "--data", data]);
    assert.equal(applied.code, 0, applied.stderr);
    assert.equal(git(repository, "branch", "--format", "%(refname:short)").trim().split("\n").length, 2);
  });

  test("its data, with the task, are restored from a backup while it runs on", async (t) => {
    if (!needsJail(t)) return;
    // What a person and plugins keep beside the store.
    const kept = ["plugins/mine", "credentials/plugins/mine", "gate/plugins/mine/data"];
    for (const folder of kept) {
      mkdirSync(join(data, folder), { recursive: true });
      writeFileSync(join(data, folder, "note"), folder);
    }
    const copy = join(directory, "copy");
    const backup = await command(["backup", copy, "--data", data]);
    assert.equal(backup.code, 0, backup.stderr);
    for (const folder of kept) assert.equal(readFileSync(join(copy, folder, "note"), "utf8"), folder);
    const again = await command(["backup", copy, "--data", data]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /backup\.not_empty/);

    const second = await runAllowed(repository, data, "write notes");
    assert.equal(second.code, 0, second.stderr);

    const restored = join(directory, "restored");
    const restore = await command(["restore", copy, "--data", restored]);
    assert.equal(restore.code, 0, restore.stderr);
    assert.ok(readdirSync(restored).length > 0);
    const list = await command(["tasks", "list", "--json", "--data", restored]);
    assert.equal(list.code, 0, list.stderr);
    const tasks = list.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string });
    assert.equal(tasks.length, 1);
    const id = tasks[0]?.id ?? "";
    const diff = await command(["tasks", "diff", id, "--data", restored]);
    assert.match(diff.stdout, /modified README\.md/);
    const applied = await command(["tasks", "apply", id, "--data", restored]);
    assert.equal(applied.code, 0, applied.stderr);

    const original = await command(["tasks", "list", "--json", "--data", data]);
    assert.equal(original.stdout.trim().split("\n").length, 2);
  });

  test("it ends cleanly on SIGTERM, and url makes new links only while it runs", async () => {
    assert.match(server.link, /^http:\/\/127\.0\.0\.1:\d+\/#ticket=/);
    const link = await command(["url", "--data", data]);
    assert.equal(link.code, 0, link.stderr);
    assert.notEqual(link.stdout.trim(), server.link);
    assert.equal(await server.stop("SIGTERM"), 0);
    const gone = await command(["url", "--data", data]);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /control\.not_running/);
  });
});

describe("doctor", () => {
  test("it says what this machine can do", async (t) => {
    if (!needsJail(t)) return;
    const result = await command(["doctor", "--json", "--data", join(scratch(t), "data")]);
    assert.equal(result.code, 0, result.stdout);
    const checks = JSON.parse(result.stdout) as { name: string; status: string }[];
    assert.equal(checks.find((check) => check.name === "jail: network.none")?.status, "ok");
    assert.equal(checks.find((check) => check.name === "agent: demo")?.status, "ok");
  });

  test("with --attack it tries to break out, and says what stopped each attempt", async (t) => {
    if (!needsJail(t)) return;
    const result = await command(["doctor", "--attack", "--only", "network.m", "--json"]);
    const report = JSON.parse(result.stdout) as { ok: boolean; results: { id: string; outcome: string }[] };
    assert.equal(result.code, 0, result.stdout);
    assert.deepEqual(
      report.results.map(({ id, outcome }) => [id, outcome]),
      [
        ["network.metadata", "stopped"],
        ["secrets.canaries", "stopped"],
      ],
    );
  });
});
