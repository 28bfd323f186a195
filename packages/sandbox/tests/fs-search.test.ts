import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { field, type Sandbox, startSandbox, temporary } from "./harness.ts";

async function find(sandbox: Sandbox, query: Record<string, string>) {
  const response = await sandbox.fetch(`${sandbox.url}/v1/fs/search?${new URLSearchParams(query)}`);
  const value: unknown = await response.json();
  const matches = field(value, "matches");
  const lines = (Array.isArray(matches) ? matches : []).map((match) => {
    const path = String(field(match, "path")).slice(sandbox.home.length + 1);
    return `${path}:${field(match, "line") ?? ""}:${field(match, "text") ?? ""}`;
  });
  return { status: response.status, value, lines };
}

/** PATH without ripgrep selects the built-in search. */
async function withoutRipgrep(t: TestContext, PATH: string): Promise<void> {
  const before = process.env.PATH;
  process.env.PATH = PATH;
  t.after(() => {
    process.env.PATH = before;
  });
}

async function sample(sandbox: Sandbox, outside: string): Promise<void> {
  const { home } = sandbox;
  await mkdir(join(home, "src/.git"), { recursive: true });
  await writeFile(join(home, "src/a.ts"), "first\nconst Needle = 1;\r\nneedle again\n");
  await writeFile(join(home, "src/b.md"), "a needle (in) a [haystack\n");
  await writeFile(join(home, "src/.git/config"), "needle\n");
  await writeFile(join(home, "binary"), "needle\0needle\n");
  await writeFile(join(outside, "secret"), "needle\n");
  await symlink(outside, join(home, "link"));
}

test("lines and names are found by the built-in search", async (t) => {
  const outside = await temporary(t);
  await withoutRipgrep(t, outside);
  const sandbox = await startSandbox(t);
  await sample(sandbox, outside);
  const plain = await find(sandbox, { pattern: "needle" });
  assert.deepEqual(plain.lines, ["src/a.ts:3:needle again", "src/b.md:1:a needle (in) a [haystack"]);
  assert.equal(field(plain.value, "engine"), "walk");
  const folded = await find(sandbox, { pattern: "NEEDLE", ignoreCase: "true", glob: "**/*.ts" });
  assert.deepEqual(folded.lines, ["src/a.ts:2:const Needle = 1;", "src/a.ts:3:needle again"]);
  assert.deepEqual((await find(sandbox, { pattern: "(in) a [" })).lines.length, 1, "text, not an expression");
  const expression = await find(sandbox, { pattern: "^n\\w+ a", regex: "true", path: "~/src" });
  assert.deepEqual(expression.lines, ["src/a.ts:3:needle again"]);
  assert.deepEqual((await find(sandbox, { glob: "src/*" })).lines, ["src/a.ts::", "src/b.md::"]);
  const limited = await find(sandbox, { pattern: "needle", limit: "1" });
  assert.deepEqual([limited.lines.length, field(limited.value, "truncated")], [1, true]);
  for (const query of [
    {},
    { pattern: "(", regex: "true" },
    { pattern: "x", name: "x" },
    { pattern: "x", limit: "0" },
    { pattern: "x", limit: "10001" },
    { pattern: "x", path: "none" },
  ]) {
    assert.equal((await find(sandbox, query)).status, 400, JSON.stringify(query));
  }
  await writeFile(join(sandbox.home, "evil"), `${"a".repeat(50)}!\n`);
  assert.equal((await find(sandbox, { pattern: "^(a+)+$", regex: "true" })).status, 400);
  await writeFile(join(sandbox.home, "a".repeat(120)), "");
  for (const glob of [`${"*a".repeat(12)}b`, "{1..99999999}"]) {
    assert.equal((await find(sandbox, { glob })).status, 400, glob);
  }
});

test("a pattern cannot become an option of ripgrep", async (t) => {
  const bin = await temporary(t);
  const sandbox = await startSandbox(t);
  const rg = join(bin, "rg");
  const event = { type: "match", data: { path: { text: "./f" }, line_number: 7, lines: { text: "hit\n" } } };
  await writeFile(
    rg,
    `#!/bin/sh\nprintf '%s\\n' "$@" > '${sandbox.home}/asked'\npwd > '${sandbox.home}/where'\nprintf '%s\\n' '${JSON.stringify(event)}'\n`,
  );
  await chmod(rg, 0o755);
  await withoutRipgrep(t, `${bin}:${process.env.PATH}`);
  const found = await find(sandbox, { pattern: "--pre=evil", glob: "*.ts" });
  assert.deepEqual(found.lines, ["f:7:hit"], JSON.stringify(found.value));
  assert.equal(field(found.value, "engine"), "ripgrep");
  const asked = await (await sandbox.fetch(`${sandbox.url}/v1/fs/file?path=asked`)).text();
  assert.match(asked, /\n--regexp\n--pre=evil\n--\n\.\/\n$/);
  const where = await (await sandbox.fetch(`${sandbox.url}/v1/fs/file?path=where`)).text();
  assert.equal(where.trim(), sandbox.home);
});

test("ripgrep finds names and lines that are not UTF-8", async (t) => {
  const bin = await temporary(t);
  const sandbox = await startSandbox(t);
  const bytes = (text: string) => ({ bytes: Buffer.from(text, "latin1").toString("base64") });
  const event = {
    type: "match",
    data: { path: bytes("./caf\xe9"), line_number: 2, lines: bytes("na\xefve hit\r\n") },
  };
  await writeFile(join(bin, "rg"), `#!/bin/sh\nprintf '%s\\n' '${JSON.stringify(event)}'\n`, { mode: 0o755 });
  await withoutRipgrep(t, `${bin}:${process.env.PATH}`);
  const found = await find(sandbox, { pattern: "hit" });
  assert.deepEqual(found.lines, ["caf\ufffd:2:na\ufffdve hit"], JSON.stringify(found.value));
  const path = Buffer.from(String(field(found.value, "matches", 0, "pathBase64")), "base64");
  assert.equal(path.toString("latin1"), `${sandbox.home}/caf\xe9`);
});

test("matches are returned even if ripgrep is killed within a line", async (t) => {
  const bin = await temporary(t);
  const sandbox = await startSandbox(t, "unix", { limits: { searchTimeoutMs: 3_000 } });
  const event = { type: "match", data: { path: { text: "./f" }, line_number: 7, lines: { text: "hit\n" } } };
  const text = JSON.stringify(event);
  const script = `printf '%s\\n%s' '${text}' '${text.slice(0, 20)}'\nexec sleep 100`;
  await writeFile(join(bin, "rg"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await withoutRipgrep(t, `${bin}:${process.env.PATH}`);
  const found = await find(sandbox, { pattern: "hit" });
  assert.equal(found.status, 200, JSON.stringify(found.value));
  assert.deepEqual([found.lines, field(found.value, "truncated")], [["f:7:hit"], true]);
});

test("what git ignores is marked in a listing, and left out of a search that asks for it", async (t) => {
  const outside = await temporary(t);
  const sandbox = await startSandbox(t);
  const { home } = sandbox;
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], { cwd: home });
  for (const folder of ["build", "src"]) await mkdir(join(home, folder));
  await writeFile(join(home, ".gitignore"), "build/\n*.log\n!keep.log\n");
  for (const name of ["build/out.ts", "src/a.ts", "noise.log", "keep.log", "tracked.log"])
    await writeFile(join(home, name), "needle\n");
  git("init", "-q");
  git("add", "-f", "tracked.log");
  const entries = async (query: Record<string, string>) => {
    const response = await sandbox.fetch(`${sandbox.url}/v1/fs/entries?${new URLSearchParams(query)}`);
    return (await response.json()) as { readonly name: string; readonly ignored?: boolean }[];
  };
  const ignored = (await entries({ markIgnored: "true" })).filter((entry) => entry.ignored === true);
  assert.deepEqual(
    ignored.map(({ name }) => name),
    ["build", "noise.log"],
  );
  assert.ok((await entries({})).every((entry) => !("ignored" in entry)));
  const names = async (query: Record<string, string>) =>
    (await find(sandbox, query)).lines.map((line) => line.split(":")[0]);
  const found = ["keep.log", "src/a.ts", "tracked.log"];
  assert.deepEqual(await names({ glob: "**/*.{ts,log}", skipIgnored: "true" }), found);
  assert.deepEqual(await names({ glob: "**/*.{ts,log}" }), [
    "build/out.ts",
    "keep.log",
    "noise.log",
    ...found.slice(1),
  ]);

  assert.deepEqual(await names({ name: "SRC/A", skipIgnored: "true" }), ["src/a.ts"]);
  assert.deepEqual(await names({ name: ".gitig" }), [".gitignore"]);

  // Without git, nothing is ignored.
  await withoutRipgrep(t, outside);
  assert.ok((await entries({ markIgnored: "true" })).every((entry) => entry.ignored !== true));
  assert.equal((await names({ pattern: "needle", skipIgnored: "true" })).length, 5);
});
