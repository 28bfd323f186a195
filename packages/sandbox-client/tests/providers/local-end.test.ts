import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { ownImports } from "@holdfast/testing/own-imports";
import { removeAtExit } from "@holdfast/testing/scratch";
import { serverEntry } from "./machine.ts";

const provider = new URL("../../src/node/local.ts", import.meta.url).href;

test("a local server ends with its host, also when that is killed", { timeout: 60_000 }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-local-end-"));
  removeAtExit(home);
  const binaryPath = join(home, "server");
  const command = [process.execPath, ...ownImports, serverEntry].join(" ");
  // A shell stays between the host and the server, as a package manager does.
  writeFileSync(binaryPath, `#!/bin/sh\nshift\n${command} "$@" --home ${home}\nexit $?\n`);
  chmodSync(binaryPath, 0o755);
  const script = `import { local } from ${JSON.stringify(provider)};
    console.log(await local({ binaryPath: ${JSON.stringify(binaryPath)}, log: "inherit" }).create());`;
  const host = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => host.kill("SIGKILL"));
  const lines = createInterface(host.stdout);
  const id = await new Promise<string>((resolve) => {
    lines.on("line", (line) => {
      if (/^127\.0\.0\.1:\d+$/.test(line)) resolve(line);
    });
  });
  // The server writes to the same standard output, which closes when both have ended.
  const closed = once(host, "close");
  host.kill("SIGKILL");
  await closed;
  const [error] = await once(connect(Number(id.split(":")[1]), "127.0.0.1"), "error");
  assert.match(String(error), /ECONNREFUSED/);
});

test("an open standard input does not keep a server that is told to end", { timeout: 60_000 }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-local-end-"));
  removeAtExit(home);
  const server = spawn(process.execPath, [...ownImports, serverEntry, "--port", "0", "--home", home], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, HOLDFAST_SANDBOX_END_WITH_STDIN: "1" },
  });
  t.after(() => server.kill("SIGKILL"));
  await once(createInterface(server.stdout), "line");
  server.kill("SIGTERM");
  assert.deepEqual(await once(server, "exit"), [0, null]);
});
