/** Conformance of git's credentials: clone and push through each client, against real git over HTTP. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { GitCredential } from "../../src/forges/forge.ts";
import { pushRefusalOf } from "../../src/forges/push-refusal.ts";
import { clients, repositoryName as name, reasonOf } from "./fixture.ts";

const run = promisify(execFile);

/** Runs git with a credential that stands in its environment only. */
async function git(
  folder: string,
  { username, password }: GitCredential,
  ...args: string[]
): Promise<string> {
  const helper = "!f() { echo username=$FORGE_USER; echo password=$FORGE_PASSWORD; }; f";
  const config = ["-c", `credential.helper=${helper}`, "-c", "user.name=T", "-c", "user.email=t@example.com"];
  const env = {
    PATH: process.env["PATH"],
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    FORGE_USER: username,
    FORGE_PASSWORD: password,
  };
  return (await run("git", [...config, ...args], { cwd: folder, env })).stdout.trim();
}

for (const [client, start] of Object.entries(clients)) {
  test(`${client}: clones and pushes with a credential of git`, async (t) => {
    const { forge, emulator, repository, revoke } = await start();
    const folder = mkdtempSync(join(tmpdir(), "holdfast-forges-"));
    t.after(async () => {
      await emulator.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const credential = await forge.gitCredential(name);
    assert.ok(!credential.cloneUrl.includes("@"));
    await git(folder, credential, "clone", "--quiet", credential.cloneUrl, "app");
    const clone = join(folder, "app");
    await git(clone, credential, "switch", "--quiet", "-c", "pushed");
    await git(clone, credential, "commit", "--quiet", "--allow-empty", "-m", "Pushed");
    await git(clone, credential, "push", "--quiet", "origin", "pushed");
    assert.equal(repository.bare.branches.get("pushed"), await git(clone, credential, "rev-parse", "HEAD"));

    const refusedPush = async (...refspec: string[]) => {
      const failed = await git(clone, credential, "push", "--quiet", "origin", ...refspec).then(
        () => assert.fail("the push was not refused"),
        (error: { stderr: string }) => error,
      );
      const refusal = pushRefusalOf(failed.stderr, "main", credential.password);
      assert.ok(!refusal.message.includes(credential.password));
      return refusal;
    };
    await repository.bare.protect("main");
    const isProtected = await refusedPush("HEAD:main");
    assert.deepEqual([isProtected.code, reasonOf(isProtected)], ["refused", "protected"]);
    assert.match(isProtected.message, /open a pull request/);

    await repository.bare.commit("pushed", { "theirs.txt": "theirs\n" }, "Theirs");
    assert.equal(reasonOf(await refusedPush("HEAD:pushed")), "behind");

    if (credential.isForRepositoryOnly) {
      const other = credential.cloneUrl.replace("/app.git", "/other.git");
      await assert.rejects(
        git(folder, credential, "clone", "--quiet", other, "other"),
        /Authentication failed/,
      );
    }
    if (credential.expiresAt !== undefined) {
      emulator.advance(credential.expiresAt - emulator.now() + 1_000);
      assert.equal((await refusedPush("HEAD:later")).code, "unauthorized");
    }
    revoke();
    assert.equal((await refusedPush("HEAD:revoked")).code, "unauthorized");
  });
}
