import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { createGate } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { removeAtExit } from "@holdfast/testing/scratch";
import { provenJails } from "./proven-jails.ts";

export interface GitGateOptions {
  /** The part `git` of the plugin's settings. */
  readonly git: object;
  /** What it holds, by name. */
  readonly credentials: Readonly<Record<string, string | Buffer>>;
  /** Puts into the shared folder what is there before the plugin starts. */
  readonly before?: (work: string) => void;
}

/** A gate with the git plugin and one shared folder, `work`; both end with the test. */
export async function openGitGate(t: TestContext, { git, credentials, before }: GitGateOptions) {
  const dataDir = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-git-")));
  chmodSync(dataDir, 0o755);
  removeAtExit(dataDir);
  const work = join(dataDir, "work");
  mkdirSync(work);
  before?.(work);
  const settings = {
    git,
    folders: { work: { path: work, mode: "rw" } },
    config: { name: "Ada", email: "ada@example.com" },
  };
  writeFileSync(join(dataDir, "plugins.json"), JSON.stringify({ version: 1, plugins: { git: settings } }));
  const directory = join(dataDir, "credentials", "plugins", "git");
  mkdirSync(directory, { recursive: true });
  for (const [name, value] of Object.entries(credentials)) {
    writeFileSync(join(directory, name), value, { mode: 0o600 });
  }
  const gate = await createGate({
    dataDir,
    jails: provenJails,
    vault: { env: {}, logins: false },
    plugins: { builtInDirectory: pluginsDirectory, watch: false },
  });
  t.after(() => gate.close());
  /** Calls a tool as an agent would; the answer as JSON, a refusal too. */
  const call = async (name: string, args: Record<string, unknown> = {}): Promise<string> => {
    const tool = gate.plugins.tools().find((each) => each.name === `git_${name}`);
    assert.ok(tool, name);
    const outcome = await gate.plugins.invoke({
      tool,
      arguments: args,
      principal: { jailId: "j", session: "s", group: "alpha" },
      correlation: "c",
      signal: new AbortController().signal,
    });
    return JSON.stringify(outcome.ok ? outcome.result : outcome.error);
  };
  return { dataDir, work, gate, call };
}
