import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { type AgentRow, customAgent, findAgent, installAgent } from "../src/index.ts";
import { field, processesWith, startSandbox, temporary, until } from "./harness.ts";

/** An agent whose package is a local folder, so that no registry is needed. */
async function localAgent(t: TestContext, script: string, postinstall?: string): Promise<AgentRow> {
  const folder = join(await temporary(t), "package");
  await mkdir(folder);
  const manifest = {
    ...{ name: "local-agent", version: "1.2.3", bin: { "local-agent": "./cli.js" } },
    ...(postinstall === undefined ? {} : { scripts: { postinstall } }),
  };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "cli.js"), `#!/usr/bin/env node\n${script}\n`, { mode: 0o755 });
  const row = customAgent({ id: "local", command: "local-agent" });
  return { ...row, packages: { "local-agent": `file:${folder}` }, versionArgs: ["--version"] };
}

describe("installing agents", () => {
  test("packages are installed, verified and found, and not installed twice", async (t) => {
    const directory = join(await temporary(t), "agents");
    const row = await localAgent(t, 'console.log("local 1.2.3");');
    const first = await installAgent("local", directory, { agents: [row] });
    assert.equal(first.version, "local 1.2.3");
    assert.equal(first.alreadyInstalled, false);
    const found = await findAgent(row, { agentsDirectory: directory });
    assert.equal(found?.program, process.execPath, "a script for env node is started with this Node");
    const before = (await stat(first.directory)).ino;
    assert.equal((await installAgent("local", directory, { agents: [row] })).alreadyInstalled, true);
    assert.equal((await stat(first.directory)).ino, before);
    const again = await installAgent("local", directory, { agents: [row], reinstall: true });
    assert.equal(again.alreadyInstalled, false);
    assert.notEqual((await stat(first.directory)).ino, before);
    assert.deepEqual(await readdir(directory), ["local"], "nothing temporary is left");
  });

  test("an agent with missing parts is installed again", async (t) => {
    const directory = join(await temporary(t), "agents");
    const row = await localAgent(t, 'console.log("local 1.2.3");');
    const { directory: own } = await installAgent("local", directory, { agents: [row] });
    await rm(join(own, "node_modules"), { recursive: true });
    const again = await installAgent("local", directory, { agents: [row] });
    assert.equal(again.alreadyInstalled, false);
    assert.ok(await findAgent(row, { agentsDirectory: directory }));
  });

  test("package scripts do not receive the server's token", async (t) => {
    process.env.HOLDFAST_SANDBOX_TOKEN = "secret";
    t.after(() => {
      delete process.env.HOLDFAST_SANDBOX_TOKEN;
    });
    const row = await localAgent(t, 'console.log(Object.values(process.env).includes("secret"));');
    const installed = await installAgent("local", join(await temporary(t), "agents"), { agents: [row] });
    assert.equal(installed.version, "false");
  });

  test("a closing server removes its incomplete installations", async (t) => {
    const [agentsDirectory, other] = [await temporary(t), await temporary(t)];
    const sleeper = join(other, "sleeper.cjs");
    // Like a download, it keeps running when npm is told to end.
    await writeFile(sleeper, 'process.on("SIGTERM", () => {}); setTimeout(() => {}, 60_000);');
    const row = await localAgent(t, "", `node ${sleeper}`);
    const sandbox = await startSandbox(t, "unix", { agents: [row], agentsDirectory });
    const headers = { "content-type": "application/json" };
    const asked = sandbox
      .fetch(`${sandbox.url}/v1/agents/local/install`, { method: "POST", headers, body: "{}" })
      .then((response) => response.status)
      .catch(() => undefined);
    await until("its step runs", async () => (await processesWith(sleeper)).length > 0);
    await sandbox.close();
    assert.deepEqual(await processesWith(sleeper), []);
    assert.deepEqual(await readdir(agentsDirectory), []);
    await asked;
  });

  test("a slow installation sends its head early, and breaks off the response if it fails", async (t) => {
    const limits = { installHeadMs: 1, heartbeatMs: 10 };
    const agentsDirectory = await temporary(t);
    const [good, bad] = [
      await localAgent(t, ""),
      { ...(await localAgent(t, "process.exit(1);")), id: "bad" },
    ];
    const sandbox = await startSandbox(t, "tcp", { agents: [good, bad], agentsDirectory, limits });
    const install = (id: string) =>
      sandbox.fetch(`${sandbox.url}/v1/agents/${id}/install`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
    const begun = await install("local");
    assert.equal(begun.status, 200);
    const text = await begun.text();
    assert.match(text, /^ +\{/);
    assert.equal(field(JSON.parse(text), "already_installed"), false);
    const broken = await install("bad");
    assert.equal(broken.status, 200);
    await assert.rejects(broken.text());
  });

  test("a package that does not start leaves the earlier installation untouched", async (t) => {
    const directory = join(await temporary(t), "agents");
    const good = await localAgent(t, 'console.log("good");');
    await installAgent("local", directory, { agents: [good] });
    const manifest = await readFile(join(directory, "local", "package.json"), "utf8");
    const bad = await localAgent(t, 'console.error("wrong libc"); process.exit(1);');
    await assert.rejects(installAgent("local", directory, { agents: [bad] }), (error) => {
      assert.ok(isErrorCode(error, "sandbox", "install_failed"), String(error));
      assert.match(String(field(error.metadata, "stderr")), /wrong libc/);
      return true;
    });
    const none = { ...good, command: "other", packages: { ...good.packages } };
    await assert.rejects(installAgent("local", directory, { agents: [none], reinstall: true }), (error) =>
      isErrorCode(error, "sandbox", "install_failed"),
    );
    assert.equal(await readFile(join(directory, "local", "package.json"), "utf8"), manifest);
    assert.deepEqual(await readdir(directory), ["local"]);
    const pinned = { ...good, integrity: { "local-agent": "sha512-another" } };
    await assert.rejects(installAgent("local", directory, { agents: [pinned], reinstall: true }), (error) => {
      assert.ok(isErrorCode(error, "sandbox", "install_failed"), String(error));
      assert.match(error.message, /the hash of local-agent is unknown, which differs from the pinned hash/);
      return true;
    });
    await assert.rejects(installAgent("nobody", directory), (error) =>
      isErrorCode(error, "sandbox", "unsupported_agent"),
    );
    assert.equal((await installAgent("demo", directory)).alreadyInstalled, true);
  });
});
