import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withSsh } from "./command.ts";

const isMissing = (() => {
  try {
    execFileSync("ssh", ["-V"], { stdio: "ignore" });
    return false;
  } catch {
    return "OpenSSH is not installed";
  }
})();

test("OpenSSH reads the files of a run, wherever the data directory is", { skip: isMissing }, async (t) => {
  const base = mkdtempSync(join(tmpdir(), "holdfast-ssh-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const directory = join(base, `it's my 100%h "data"`);
  const access = { privateKey: "key", publicKey: "", knownHosts: "host ssh-ed25519 AAAA\n", fingerprint: "" };
  const settings = await withSsh({ ...access, directory }, async ({ GIT_SSH_COMMAND: command }) =>
    execFileSync("sh", ["-c", `${command} -G git@example.com`], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  const settingOf = (name: string) =>
    settings
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1);
  // It is filled in when the file is read.
  assert.ok(settingOf("identityfile")?.startsWith(`${directory.replace("%", "%%")}/ssh-`));
  assert.ok(settingOf("userknownhostsfile")?.startsWith(`${directory}/ssh-`));
  assert.equal(settingOf("stricthostkeychecking"), "true");
  assert.equal(settingOf("hostkeyalgorithms"), "ssh-ed25519");
});
