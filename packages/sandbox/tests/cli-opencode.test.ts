import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "@holdfast/testing/free-port";
import { compileCache, ownImports } from "@holdfast/testing/own-imports";
import { createSandboxServer } from "../src/index.ts";
import { field, processesWith, temporary, until } from "./harness.ts";

const entry = fileURLToPath(new URL("../src/cli.ts", import.meta.url));

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function cli(env: Record<string, string>, cwd: string, ...args: readonly string[]): Promise<Result> {
  const { PATH = "" } = process.env;
  return await new Promise((resolve) => {
    const options = { env: { PATH, ...compileCache, ...env }, cwd, timeout: 60_000 };
    execFile(process.execPath, [...ownImports, entry, ...args], options, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error ? -1 : 0;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Stub of OpenCode that prints how it was started. */
async function standIn(
  t: TestContext,
): Promise<{ readonly home: string; readonly env: Record<string, string> }> {
  const home = await temporary(t);
  const path = join(home, "opencode-stand-in");
  const source = `#!${process.execPath}
console.log(JSON.stringify({ args: process.argv.slice(2), password: process.env.OPENCODE_SERVER_PASSWORD }));
process.exit(7);
`;
  await writeFile(path, source);
  await chmod(path, 0o755);
  return { home, env: { HOME: home, GIGACODE_OPENCODE_BIN: path } };
}

test("opencode attaches to the server on the port, with a new session on request", async (t) => {
  const { home, env } = await standIn(t);
  const server = await createSandboxServer({ listen: { host: "127.0.0.1", port: 0 }, token: "secret", home });
  t.after(() => server.close());
  const port = new URL(server.url ?? "").port;
  const plain = await cli(env, home, "opencode", "-p", port, "-t", "secret");
  assert.equal(plain.code, 7, plain.stderr);
  const url = `${server.url}/opencode`;
  assert.deepEqual(JSON.parse(plain.stdout), { args: ["attach", url, "--dir", home], password: "secret" });
  const titled = await cli(
    env,
    home,
    "opencode",
    "-p",
    port,
    "-t",
    "secret",
    "--session-title",
    "T",
    "--yolo",
  );
  const session = String(field(JSON.parse(titled.stdout), "args", 5));
  const headers = { authorization: "Bearer secret" };
  const made: unknown = await (await fetch(`${url}/session/${session}`, { headers })).json();
  assert.deepEqual([field(made, "title"), field(made, "directory")], ["T", home]);
  assert.deepEqual(field(made, "permission"), [{ permission: "*", pattern: "*", action: "allow" }]);
  const refused = await cli(env, home, "opencode", "-p", port, "-t", "wrong");
  assert.match(refused.stderr, /\(sandbox\.token_invalid\)\n$/);
});

test("opencode does not touch another program on the port, and starts a server if there is none", async (t) => {
  const { home, env } = await standIn(t);
  const foreign = createServer((_request, response) => response.end("I am something else"));
  const port = String(await freePort());
  await new Promise<void>((resolve) => foreign.listen(Number(port), "127.0.0.1", resolve));
  t.after(() => foreign.close());
  const taken = await cli(env, home, "opencode", "-p", port);
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /\(sandbox\.port_taken\)\n$/);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}`)).text(), "I am something else");
  await new Promise((resolve) => foreign.close(resolve));
  const started = await cli(env, home, "opencode", "-p", port);
  t.after(() => cli(env, home, "daemon", "stop", "-p", port));
  assert.equal(started.code, 7, started.stderr);
  const { password } = JSON.parse(started.stdout) as { password: string };
  const again = await cli(
    { ...env, HOLDFAST_SANDBOX_TOKEN: password },
    home,
    "opencode",
    "-p",
    port,
    "--json",
  );
  assert.deepEqual(JSON.parse(again.stdout), { url: `http://127.0.0.1:${port}/opencode`, started: false });
  assert.equal((await cli(env, home, "daemon", "stop", "-p", port)).code, 0);
  await until("the server is gone", async () => (await processesWith(`--port ${port}`)).length === 0);
});

test("opencode times out if the program on the port never responds", async (t) => {
  const { home, env } = await standIn(t);
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    silent.closeAllConnections();
    silent.close();
  });
  const address = silent.address();
  const port = String(typeof address === "object" && address !== null ? address.port : 0);
  const taken = await cli(env, home, "opencode", "-p", port);
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /\(sandbox\.port_taken\)\n$/);
});
