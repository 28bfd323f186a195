import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { spawn } from "@lydell/node-pty";
import { installHoldfast } from "./support/installed.ts";

test("holdfast alone names the packages of the Studio and of PostgreSQL, and installs the Studio when a person says yes", {
  timeout: 300_000,
}, async (t) => {
  const { folder, npmOptions, registry } = await installHoldfast();
  t.after(async () => {
    await registry[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  const holdfast = join(folder, "node_modules", "holdfast", "bin", "holdfast.js");
  const env = { ...process.env, HOLDFAST_DATA: join(folder, "data") };

  const script = spawnSync(process.execPath, [holdfast, "start"], { cwd: folder, env, encoding: "utf8" });
  assert.equal(script.status, 1);
  assert.match(
    script.stderr,
    /^"holdfast start" needs the Studio, which is not installed here\. Install it: npm install @holdfast\/studio@\d/,
  );

  const onPostgres = spawnSync(
    process.execPath,
    [
      "--input-type=module",
      "--eval",
      `import { setup } from "holdfast";
       await setup({ use: {}, store: "postgres://nobody@127.0.0.1:1/nothing" }).directory();`,
    ],
    { cwd: folder, env, encoding: "utf8" },
  );
  assert.match(
    onPostgres.stderr,
    /A store on PostgreSQL needs the package @holdfast\/store-postgres, which is not installed here\. Install it: npm install/,
  );

  // Every command that needs no Studio works without it.
  const overview = spawnSync(process.execPath, [holdfast, "--help"], { cwd: folder, env, encoding: "utf8" });
  assert.equal(overview.status, 0);
  const actors = spawnSync(process.execPath, [holdfast, "actors", "--help"], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  assert.equal(actors.status, 0);

  // The first actor is a copy, which only the package has.
  const init = spawnSync(process.execPath, [holdfast, "init"], { cwd: folder, env, encoding: "utf8" });
  assert.equal(init.status, 0, init.stderr);
  assert.match(readFileSync(join(folder, "src", "registry.ts"), "utf8"), /\bactor\(\{[\s\S]*\bsetup\(/);

  // npm reads its options from the environment: `--@holdfast:registry=URL` is `npm_config_@holdfast:registry`.
  const registryOption = npmOptions[0]?.replace(/^--/, "").split("=") ?? [];
  const terminal = spawn(process.execPath, [holdfast, "doctor", "--json"], {
    cwd: folder,
    cols: 200,
    env: {
      ...env,
      [`npm_config_${registryOption[0]}`]: registryOption.slice(1).join("="),
    } as Record<string, string>,
  });
  let shown = "";
  const ended = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  terminal.onData((text) => {
    const asked = shown.includes("[y/N]");
    shown += text;
    if (!asked && shown.includes("[y/N]")) terminal.write("y\r");
  });
  await ended;
  assert.match(shown, /Install it in .* \[y\/N\]/);
  assert.match(shown, /"node"/, shown);
  const again = spawnSync(process.execPath, [holdfast, "tasks", "--help"], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  assert.equal(again.status, 0, again.stderr);
});
