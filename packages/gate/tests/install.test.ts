import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { ensureBubblewrap } from "@holdfast/gate";
import { bwrapVersion, explainFailure, suggestFix } from "../src/jail/bubblewrap/bwrap-program.ts";
import { missing, temporaryDirectory } from "./support.ts";

/** A folder of programs with an apt-get that does what `script` says; PROGRAMS is that folder, LOG what it was asked. */
function withAptGet(t: TestContext, script: string): { readonly path: string; asked(): string[] } {
  const path = temporaryDirectory(t);
  const log = join(path, "asked");
  const head = `#!/bin/sh\nPROGRAMS='${path}'\nPATH=/usr/bin:/bin\necho "$1" >>'${log}'\n`;
  writeFileSync(join(path, "apt-get"), `${head}${script}\n`, { mode: 0o755 });
  return { path, asked: () => readFileSync(log, "utf8").trim().split("\n") };
}

/** Puts a bwrap into the folder that tells its version and nothing else. */
const putsBwrap = `printf '#!/bin/sh\\necho bubblewrap 0.9.0\\n' >"$PROGRAMS/bwrap"; chmod +x "$PROGRAMS/bwrap"`;

const refused = (message: RegExp) => (error: unknown) => {
  assert.ok(isErrorCode(error, "jail", "unavailable"));
  assert.match(error.message, message);
  return true;
};

describe("bubblewrap on this machine", () => {
  test("is found, with its version", { skip: missing("bwrap") }, async () => {
    const { path, version, installed } = await ensureBubblewrap({ mayInstall: false });
    assert.match(path, /\/bwrap$/);
    assert.match(version, /^\d+\.\d+\.\d+$/);
    assert.equal(installed, false);
  });

  test("is not installed unasked; the error names the command", async (t) => {
    const said: string[] = [];
    const options = {
      mayInstall: false,
      path: temporaryDirectory(t),
      say: (line: string) => said.push(line),
    };
    await assert.rejects(ensureBubblewrap(options), (error: unknown) => {
      assert.ok(isErrorCode(error, "jail", "unavailable"));
      assert.match(error.message, /bubblewrap is not installed\. (Run|Install)/);
      return true;
    });
    assert.deepEqual(said, []);
  });

  test("is not used when it is too old, or is another program", (t) => {
    const directory = temporaryDirectory(t);
    const program = (said: string) => {
      const path = join(directory, said.replaceAll(/\W/g, "-"));
      writeFileSync(path, `#!/bin/sh\necho '${said}'\n`, { mode: 0o755 });
      return path;
    };
    assert.equal(bwrapVersion(program("bubblewrap 0.8.0")), "0.8.0");
    assert.equal(bwrapVersion(program("bubblewrap 1.0.0")), "1.0.0");
    assert.throws(() => bwrapVersion(program("bubblewrap 0.7.9")), refused(/0\.7\.9 .* is too old/));
    assert.throws(() => bwrapVersion(program("busybox 1.36.1")), refused(/is not a working bubblewrap/));
  });

  test("that is forbidden is explained by the setting that forbids it", () => {
    const free = { maxNamespaces: "100", clone: "1", restricted: "0" };
    const said = "bwrap: setting up uid map: Permission denied";
    assert.match(suggestFix(said, { ...free, maxNamespaces: "0" }), /user\.max_user_namespaces/);
    assert.match(suggestFix(said, { ...free, clone: "0" }), /unprivileged_userns_clone=1/);
    assert.match(suggestFix(said, { ...free, restricted: "1" }), /profile bwrap \/usr\/bin\/bwrap/);
    assert.match(suggestFix(said, free), /--security-opt seccomp=unconfined/);
    assert.match(
      suggestFix("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", free),
      /systempaths/,
    );
    assert.equal(explainFailure(said).code, "unavailable");
  });
});

describe("the installation of bubblewrap", {
  skip: process.getuid?.() !== 0 && "needs root to install",
}, () => {
  test("updates the lists of a fresh machine, and tries again", async (t) => {
    const { path, asked } = withAptGet(
      t,
      `[ "$1" = update ] && touch "$PROGRAMS/lists"; [ -e "$PROGRAMS/lists" ] || exit 100; [ "$1" = install ] && { ${putsBwrap}; }; exit 0`,
    );
    const said: string[] = [];
    const found = await ensureBubblewrap({ mayInstall: true, path, say: (line) => said.push(line) });
    assert.deepEqual(found, { path: join(path, "bwrap"), version: "0.9.0", installed: true });
    assert.deepEqual(asked(), ["install", "update", "install"]);
    assert.equal(said.length, 2);
  });

  test("that fails twice says why", async (t) => {
    const { path, asked } = withAptGet(t, "echo 'E: no space left' >&2; exit 100");
    const attempt = ensureBubblewrap({ mayInstall: true, path });
    await assert.rejects(attempt, refused(/could not install bubblewrap \(E: no space left\)/));
    assert.deepEqual(asked(), ["install", "update", "install"]);
  });

  test("that leaves no program behind is no success", async (t) => {
    const { path } = withAptGet(t, "exit 0");
    await assert.rejects(ensureBubblewrap({ mayInstall: true, path }), refused(/bwrap is not on PATH/));
  });
});
