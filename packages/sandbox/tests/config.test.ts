import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { defaultLimits } from "../src/index.ts";
import { field, openSession, type Sandbox, startSandbox, withScript } from "./harness.ts";

type Kind = "mcp" | "skills";

async function config(sandbox: Sandbox, method: string, kind: Kind, query: string, body?: unknown) {
  const response = await sandbox.fetch(`${sandbox.url}/v1/config/${kind}?${query}`, {
    method,
    ...(body === undefined
      ? {}
      : {
          body: typeof body === "string" ? body : JSON.stringify(body),
          headers: { "content-type": "application/json" },
        }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
}

function where(kind: Kind, directory: string, name: string): string {
  const parameter = kind === "mcp" ? "mcpName" : "skillName";
  return new URLSearchParams({ directory, [parameter]: name }).toString();
}

async function put(sandbox: Sandbox, kind: Kind, directory: string, name: string, body: unknown) {
  const { status } = await config(sandbox, "PUT", kind, where(kind, directory, name), body);
  assert.equal(status, 204);
}

const local = { type: "local", command: "server", args: [] };

describe("configuration over HTTP", () => {
  test("entries are set, read, listed and deleted, in the file that the peer uses", async (t) => {
    const sandbox = await startSandbox(t);
    const at = where("mcp", sandbox.work, "one");
    const missing = await config(sandbox, "GET", "mcp", at);
    assert.equal(missing.status, 404);
    assert.equal(field(missing.body, "type"), "urn:sandbox-agent:error:session_not_found");
    assert.equal(field(missing.body, "sessionId"), "mcp:one");

    const full = { ...local, env: { A: "b" }, cwd: "sub", enabled: true, timeoutMs: 5, extra: "dropped" };
    await put(sandbox, "mcp", sandbox.work, "one", full);
    const { extra: _dropped, ...kept } = full;
    assert.deepEqual((await config(sandbox, "GET", "mcp", at)).body, kept);
    const remote = { type: "remote", url: "https://example.org/mcp", oauth: false, transport: "sse" };
    // A relative directory starts at the server's working directory.
    await put(sandbox, "mcp", ".", "two", remote);
    assert.deepEqual((await config(sandbox, "GET", "mcp", where("mcp", sandbox.work, "two"))).body, remote);
    const path = join(sandbox.work, ".sandbox-agent/config/mcp.json");
    assert.equal(await readFile(path, "utf8"), `${JSON.stringify({ one: kept, two: remote }, null, 2)}\n`);
    assert.equal((await stat(path)).mode & 0o777, 0o600, "there may be keys in it");

    const names = async () =>
      await (
        await sandbox.fetch(
          `${sandbox.url}/v1/config/mcp/names?directory=${encodeURIComponent(sandbox.work)}`,
        )
      ).json();
    assert.deepEqual(await names(), { names: ["one", "two"] });
    for (let times = 0; times < 2; times += 1) {
      assert.equal((await config(sandbox, "DELETE", "mcp", at)).status, 204);
    }
    assert.deepEqual(await names(), { names: ["two"] });

    const skills = { sources: [{ type: "github", source: "a/b", skills: ["x"], ref: "main", subpath: "s" }] };
    await put(sandbox, "skills", sandbox.work, "s", skills);
    assert.deepEqual(
      (await config(sandbox, "GET", "skills", where("skills", sandbox.work, "s"))).body,
      skills,
    );
    const none = await config(sandbox, "GET", "skills", where("skills", sandbox.work, "t"));
    assert.equal(field(none.body, "sessionId"), "skills:t");
  });

  test("aliases and all forms of a command are accepted, everything else is rejected", async (t) => {
    const sandbox = await startSandbox(t);
    const at = where("mcp", sandbox.work, "x");
    const status = async (body: unknown, query = at, kind: Kind = "mcp") =>
      (await config(sandbox, "PUT", kind, query, body)).status;
    assert.equal(await status({ type: "stdio", command: ["a", "b"] }), 204);
    const stored = (await config(sandbox, "GET", "mcp", at)).body;
    assert.deepEqual(stored, { type: "local", command: ["a", "b"], args: [] });
    assert.equal(await status({ type: "http", url: "http://127.0.0.1/" }), 204);
    const wrong: readonly unknown[] = [
      { type: "ftp", url: "http://x/" },
      { type: "local" },
      { type: "local", command: [] },
      { type: "local", command: "a", args: [1] },
      { type: "local", command: "a", timeoutMs: -1 },
      { type: "remote" },
      { type: "remote", url: "file:///etc/passwd" },
      { type: "remote", url: "http://x/", transport: "ws" },
      { type: "remote", url: "http://x/", oauth: true },
      [],
    ];
    for (const body of wrong) assert.equal(await status(body), 422, JSON.stringify(body));
    for (const body of [{}, { sources: {} }, { sources: [{ type: "local" }] }]) {
      assert.equal(await status(body, where("skills", sandbox.work, "x"), "skills"), 422);
    }
    assert.equal(await status("{"), 400);
    assert.equal(await status(local, "directory=/tmp"), 400, "no name");
    assert.equal(await status(local, "mcpName=x"), 400, "no directory");
    const blank = await config(sandbox, "GET", "mcp", "directory=%20&mcpName=x");
    assert.equal(blank.status, 400);
    assert.equal(field(blank.body, "detail"), "missing required 'directory' query parameter");
    const response = await sandbox.fetch(`${sandbox.url}/v1/config/mcp?${at}`, { method: "PUT", body: "{}" });
    assert.equal(response.status, 415);
  });

  test("fields and parameters have the peer's aliases", async (t) => {
    const sandbox = await startSandbox(t);
    const stored = async (body: unknown, at: string) => {
      assert.equal((await config(sandbox, "PUT", "mcp", at, body)).status, 204);
      return (await config(sandbox, "GET", "mcp", at)).body;
    };
    const at = where("mcp", sandbox.work, "x");
    assert.deepEqual(await stored({ ...local, environment: { A: "b" }, timeout: 5 }, at), {
      ...local,
      env: { A: "b" },
      timeoutMs: 5,
    });
    const remote = { type: "remote", url: "http://127.0.0.1/" };
    for (const name of ["envHttpHeaders", "env_http_headers"]) {
      const body = { ...remote, [name]: { "x-key": "KEY" }, bearer_token_env_var: "TOKEN" };
      const read = { ...remote, bearerTokenEnvVar: "TOKEN", envHeaders: { "x-key": "KEY" } };
      assert.deepEqual(await stored(body, at), read, name);
    }
    const both = { ...local, env: { A: "b" }, environment: { C: "d" } };
    assert.equal((await config(sandbox, "PUT", "mcp", at, both)).status, 422, "which of them is meant?");

    const directory = new URLSearchParams({ directory: sandbox.work });
    assert.deepEqual(await stored(local, `${directory}&mcp_name=y`), local);
    assert.deepEqual((await config(sandbox, "GET", "mcp", where("mcp", sandbox.work, "y"))).body, local);
    const skills = { sources: [{ type: "local", source: "s" }] };
    assert.equal((await config(sandbox, "PUT", "skills", `${directory}&skill_name=z`, skills)).status, 204);
    const named = await config(sandbox, "GET", "skills", where("skills", sandbox.work, "z"));
    assert.deepEqual(named.body, skills);
    assert.equal((await config(sandbox, "GET", "mcp", `${at}&mcp_name=y`)).status, 400, "two names");
  });

  test("the body size is limited: below, at and above the limit", async (t) => {
    const sandbox = await startSandbox(t);
    const overhead = JSON.stringify({ type: "local", command: "" }).length;
    for (const [size, status] of [
      [defaultLimits.maxConfigBytes + 1, 413],
      [defaultLimits.maxConfigBytes / 2, 204],
    ] as const) {
      const command = "x".repeat(size - overhead);
      const at = where("mcp", sandbox.work, "big");
      assert.equal((await config(sandbox, "PUT", "mcp", at, { type: "local", command })).status, status);
    }
  });

  test("a malformed file is rejected, an empty one has no entries, and concurrent changes are all kept", async (t) => {
    const sandbox = await startSandbox(t);
    const path = join(sandbox.work, ".sandbox-agent/config/mcp.json");
    await mkdir(join(sandbox.work, ".sandbox-agent/config"), { recursive: true });
    const at = where("mcp", sandbox.work, "x");
    for (const damage of ["{", "[]", `{"x":{"type":"odd"}}`]) {
      await writeFile(path, damage);
      assert.equal((await config(sandbox, "GET", "mcp", at)).status, 400, damage);
    }
    await writeFile(path, "");
    assert.equal((await config(sandbox, "GET", "mcp", at)).status, 404);
    const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
    await Promise.all(names.map((name) => put(sandbox, "mcp", sandbox.work, name, local)));
    assert.deepEqual(Object.keys(JSON.parse(await readFile(path, "utf8")) as object).sort(), names.sort());
  });

  test("concurrent changes of one file through several paths are all kept", async (t) => {
    const sandbox = await startSandbox(t);
    const [other, project] = [join(sandbox.home, "other"), join(sandbox.work, "project")];
    await mkdir(project);
    await symlink(project, other);
    const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
    await Promise.all(
      names.map((name, index) => put(sandbox, "mcp", index % 2 === 0 ? project : other, name, local)),
    );
    const path = join(project, ".sandbox-agent/config/mcp.json");
    assert.deepEqual(Object.keys(JSON.parse(await readFile(path, "utf8")) as object).sort(), names.sort());
    await Promise.all(
      names.map((name, index) =>
        config(sandbox, "DELETE", "mcp", where("mcp", index % 2 === 0 ? project : other, name)),
      ),
    );
    assert.equal(await readFile(path, "utf8"), "{}\n");
  });

  test("~ refers to a directory below HOME", async (t) => {
    const sandbox = await startSandbox(t);
    await put(sandbox, "mcp", "~", "one", local);
    await put(sandbox, "mcp", "~/project/sub/..", "two", local);
    for (const [directory, name] of [
      [sandbox.home, "one"],
      [join(sandbox.home, "project"), "two"],
    ] as const) {
      const path = join(directory, ".sandbox-agent/config/mcp.json");
      assert.deepEqual(JSON.parse(await readFile(path, "utf8")), { [name]: local });
    }
    assert.deepEqual(await readdir(sandbox.work), ["README.md"]);
  });

  test("a directory that cannot hold files is reported", async (t) => {
    const sandbox = await startSandbox(t);
    const file = join(sandbox.work, "file");
    await writeFile(file, "");
    await mkdir(join(sandbox.work, "taken/.sandbox-agent/config/mcp.json"), { recursive: true });
    for (const [directory, status, detail] of [
      ["/proc/nowhere", 400, /^ENOENT/],
      [file, 400, /^ENOTDIR/],
      [join(sandbox.work, "d".repeat(300)), 400, /^ENAMETOOLONG/],
      [join(sandbox.work, "taken"), 502, /^EISDIR/],
    ] as const) {
      const answer = await config(sandbox, "PUT", "mcp", where("mcp", directory, "x"), local);
      assert.equal(answer.status, status, directory);
      assert.match(String(field(answer.body, "detail")), detail);
    }
    assert.equal((await config(sandbox, "GET", "mcp", where("mcp", "/proc/nowhere", "x"))).status, 404);
  });

  test("with a root, no configuration outside of it is accessible", async (t) => {
    const sandbox = await startSandbox(t);
    const root = join(sandbox.work, "root");
    await mkdir(root);
    const inner = await startSandbox(t, "unix", { root, cwd: root });
    const outside = where("mcp", sandbox.work, "x");
    assert.equal((await config(inner, "PUT", "mcp", outside, local)).status, 403);
    await symlink(sandbox.work, join(root, "link"));
    assert.equal(
      (await config(inner, "PUT", "mcp", where("mcp", join(root, "link"), "x"), local)).status,
      403,
    );
    await put(inner, "mcp", root, "x", local);
  });
});

/** An agent that returns the MCP servers it received as its session id. */
const echo = `
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  const result = method === "initialize" ? { protocolVersion: 1 } : { sessionId: JSON.stringify(params.mcpServers) };
  process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n");
}
`;

async function echoing(t: TestContext, env: Record<string, string> = {}) {
  const agents = await withScript(t, "echo", echo);
  const sandbox = await startSandbox(t, "unix", { agents, env });
  const acp = sandbox.client.acp("e", { agent: "echo" });
  sandbox.connections.add(acp);
  await acp.request("initialize", { protocolVersion: 1 });
  const servers = async (cwd: string, given: readonly unknown[] = []): Promise<unknown> => {
    const result = await acp.request("session/new", { cwd, mcpServers: given });
    return JSON.parse(String(field(result, "sessionId")));
  };
  return { sandbox, servers };
}

describe("MCP servers at session start", () => {
  test("servers of the directory and its parents are added, the nearest wins, and the client's own take precedence", async (t) => {
    const { sandbox, servers } = await echoing(t, { TOKEN: "t0ken", OTHER: "0ther" });
    const { work } = sandbox;
    const sub = join(work, "sub");
    await mkdir(sub);
    assert.deepEqual(await servers(work), []);
    await put(sandbox, "mcp", work, "tools", { ...local, args: ["a"], env: { A: "b" } });
    await put(sandbox, "mcp", work, "off", { ...local, enabled: false });
    await put(sandbox, "mcp", sub, "far", {
      type: "remote",
      url: "http://127.0.0.1:1/mcp",
      headers: { "x-plain": "p" },
      bearerTokenEnvVar: "TOKEN",
      envHeaders: { "x-other": "OTHER" },
    });
    const tools = { name: "tools", command: "server", args: ["a"], env: [{ name: "A", value: "b" }] };
    const far = {
      type: "http",
      name: "far",
      url: "http://127.0.0.1:1/mcp",
      headers: [
        { name: "x-plain", value: "p" },
        { name: "x-other", value: "0ther" },
        { name: "Authorization", value: "Bearer t0ken" },
      ],
    };
    assert.deepEqual(await servers(work), [tools]);
    assert.deepEqual(await servers(sub), [far, tools]);
    assert.deepEqual(await servers("/"), []);
    const own = { name: "tools", command: "mine", args: [], env: [] };
    assert.deepEqual(await servers(sub, [own]), [own, far]);
    await put(sandbox, "mcp", sub, "tools", { ...local, enabled: false });
    assert.deepEqual(await servers(sub), [far], "a nearer one that is off hides the farther one");
  });

  test("a command may be an array, and may have its own working directory", async (t) => {
    const { sandbox, servers } = await echoing(t);
    await put(sandbox, "mcp", sandbox.work, "x", {
      type: "local",
      command: ["a", "b"],
      args: ["c"],
      cwd: "sub",
    });
    const [server] = (await servers(sandbox.work)) as { command: string; args: string[] }[];
    assert.equal(server?.command, "/bin/sh");
    assert.deepEqual(server.args.slice(2), ["sh", join(sandbox.work, "sub"), "a", "b", "c"]);
  });

  test("an invalid configuration fails the session with a reason, not the server", async (t) => {
    const { sandbox, servers } = await echoing(t);
    const { work } = sandbox;
    await put(sandbox, "mcp", work, "far", {
      type: "remote",
      url: "http://x/",
      bearerTokenEnvVar: "NOT_SET",
    });
    await assert.rejects(servers(work), (error: Error) => {
      assert.match(error.message, /"far" needs the environment variable NOT_SET/);
      return true;
    });
    await writeFile(join(work, ".sandbox-agent/config/mcp.json"), "{");
    await assert.rejects(servers(work), /mcp\.json is not valid JSON/);
    await config(sandbox, "DELETE", "mcp", where("mcp", work, "far"));
    await writeFile(join(work, ".sandbox-agent/config/mcp.json"), "");
    assert.deepEqual(await servers(work), []);
  });

  test("a configuration file of another user is ignored", {
    skip: process.getuid?.() !== 0 && "needs root",
  }, async (t) => {
    const { sandbox, servers } = await echoing(t);
    await put(sandbox, "mcp", sandbox.work, "x", local);
    const path = join(sandbox.work, ".sandbox-agent/config/mcp.json");
    await chown(path, 65_534, 65_534);
    assert.deepEqual(await servers(sandbox.work), []);
    await chown(sandbox.work, 65_534, 65_534);
    assert.equal(
      ((await servers(sandbox.work)) as unknown[]).length,
      1,
      "the owner of the project is trusted",
    );
  });
});

describe("skills at session start", () => {
  async function skill(directory: string, name: string, text: string): Promise<void> {
    await mkdir(join(directory, name, "scripts"), { recursive: true });
    await writeFile(
      join(directory, name, "SKILL.md"),
      `---\nname: ${name}\ndescription: ${text}\n---\n${text}\n`,
    );
    await writeFile(join(directory, name, "scripts/run.sh"), "#!/bin/sh\n");
    await chmod(join(directory, name, "scripts/run.sh"), 0o755);
  }

  test("local skills are copied to where the agent reads them, and follow the configuration", async (t) => {
    const sandbox = await startSandbox(t);
    const source = join(sandbox.home, "skills-of-mine");
    const target = join(sandbox.work, ".agents/skills");
    await skill(join(source, "skills"), "one", "first");
    await skill(join(source, "skills"), "two", "second");
    await symlink("/etc/hostname", join(source, "skills/one/leak"));
    await put(sandbox, "skills", sandbox.work, "mine", {
      sources: [{ type: "local", source: "~/skills-of-mine", skills: ["one"] }],
    });
    const start = async () => await openSession(sandbox, { allow: true });
    await start();
    assert.deepEqual(await readdir(target), ["one"]);
    assert.match(await readFile(join(target, "one/SKILL.md"), "utf8"), /first/);
    assert.equal((await stat(join(target, "one/scripts/run.sh"))).mode & 0o777, 0o755);
    assert.ok(!(await readdir(join(target, "one"))).includes("leak"), "links do not come along");
    assert.equal(await readFile(join(target, "one/.gitignore"), "utf8"), "*\n");

    // Unchanged skills stay untouched, changed ones are replaced.
    const inode = (await stat(join(target, "one"))).ino;
    await start();
    assert.equal((await stat(join(target, "one"))).ino, inode);
    await writeFile(join(source, "skills/one/SKILL.md"), "changed");
    await mkdir(join(target, "two"), { recursive: true });
    await writeFile(join(target, "two/SKILL.md"), "the user's own");
    await put(sandbox, "skills", sandbox.work, "mine", { sources: [{ type: "local", source }] });
    await start();
    assert.equal(await readFile(join(target, "one/SKILL.md"), "utf8"), "changed");
    assert.equal(await readFile(join(target, "two/SKILL.md"), "utf8"), "the user's own");

    await config(sandbox, "DELETE", "skills", where("skills", sandbox.work, "mine"));
    await start();
    assert.deepEqual(await readdir(target), ["two"], "what was ours is gone, what is the user's stays");
  });

  test("skills are fetched from a git repository at a ref, with the cached copy as fallback", async (t) => {
    const sandbox = await startSandbox(t);
    const repository = join(sandbox.home, "repository");
    await skill(join(repository, "pack"), "remote-skill", "of the tag");
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", repository, "-c", "user.name=P", "-c", "user.email=p@example.org", ...args]);
    git("init", "--quiet");
    git("add", "--all");
    git("commit", "--quiet", "--message", "one");
    git("tag", "v1");
    await writeFile(join(repository, "pack/remote-skill/SKILL.md"), "of the branch");
    git("commit", "--quiet", "--all", "--message", "two");
    const source = { type: "git", source: `file://${repository}`, subpath: "pack" };
    const text = async () => {
      await openSession(sandbox);
      return await readFile(join(sandbox.work, ".agents/skills/remote-skill/SKILL.md"), "utf8");
    };
    await put(sandbox, "skills", sandbox.work, "r", { sources: [source] });
    assert.equal(await text(), "of the branch");
    await put(sandbox, "skills", sandbox.work, "r", { sources: [{ ...source, ref: "v1" }] });
    assert.match(await text(), /of the tag/);
    await rm(repository, { recursive: true });
    await put(sandbox, "skills", sandbox.work, "r", { sources: [source] });
    assert.equal(await text(), "of the branch", "what was fetched before counts");
  });

  test("invalid sources fail the session with a reason", async (t) => {
    const sandbox = await startSandbox(t);
    await mkdir(join(sandbox.home, "empty"));
    await skill(join(sandbox.home, "some"), "some", "x");
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ type: "local", source: "~/nowhere" }, /is not a directory/],
      [{ type: "local", source: "~/empty" }, /there is no SKILL\.md/],
      [{ type: "local", source: "~/some", skills: ["other"] }, /no skill "other"\. Available: some/],
      [{ type: "local", source: "~/some", subpath: "../.." }, /leads out of its source/],
      [{ type: "git", source: "ext::sh -c true" }, /transport 'ext' not allowed/],
      [{ type: "git", source: "--upload-pack=true" }, /must not start with -/],
      [{ type: "github", source: "no slash" }, /is not a GitHub repository/],
      [{ type: "gist", source: "x" }, /not "gist"/],
    ];
    for (const [source, reason] of cases) {
      await put(sandbox, "skills", sandbox.work, "s", { sources: [source] });
      await assert.rejects(openSession(sandbox), reason);
    }
  });

  test("the size of a skill is limited: at and above the limits", async (t) => {
    const limits = { maxSkillFiles: 3, maxSkillBytes: 1_000 };
    const sandbox = await startSandbox(t, "unix", { limits });
    const source = join(sandbox.home, "bounded");
    await skill(source, "s", "x");
    await put(sandbox, "skills", sandbox.work, "s", { sources: [{ type: "local", source }] });
    await writeFile(join(source, "s/third"), "x");
    await openSession(sandbox);
    await writeFile(join(source, "s/fourth"), "x");
    await assert.rejects(openSession(sandbox), /exceeds 3 files or 1000 bytes/);
    await writeFile(join(source, "s/fourth"), "x");
    await rm(join(source, "s/fourth"));
    const used =
      (await stat(join(source, "s/SKILL.md"))).size + (await stat(join(source, "s/scripts/run.sh"))).size;
    await writeFile(join(source, "s/third"), "x".repeat(1_000 - used));
    await openSession(sandbox);
    await writeFile(join(source, "s/third"), "x".repeat(1_001 - used));
    await assert.rejects(openSession(sandbox), /exceeds 3 files or 1000 bytes/);
  });
});
