/** Landlock beneath the mounts and namespaces of a jail: what it stops alone, and what it stops again. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { BubblewrapDriver } from "../src/jail/bubblewrap/bubblewrap-driver.ts";
import type { Protection } from "../src/jail/bubblewrap/bwrap-arguments.ts";
import { detectLandlock } from "../src/jail/confinement/landlock.ts";
import { finish, missing, shell, temporaryDirectory } from "./support.ts";

const support = detectLandlock();

function open(t: TestContext, ...omit: Protection[]): BubblewrapDriver {
  const driver = new BubblewrapDriver({
    directory: join(temporaryDirectory(t), "gate"),
    omit: new Set(omit),
  });
  t.after(() => driver.close());
  return driver;
}

async function output(driver: BubblewrapDriver, script: string, env = {}): Promise<string> {
  const spec = shell(script, { requires: [], env: { PATH: "/usr/bin:/bin", ...env } });
  const done = await finish(await driver.start(spec));
  return done.stdout + (done.stdout === "" ? done.stderr : "");
}

describe("Landlock in a jail", {
  skip: missing("bwrap", "perl") || ("absent" in support && support.absent),
}, () => {
  const alone = `
    (head -c 1 /proc/1/environ || head -c 1 /proc/1/maps || readlink /proc/1/root) >/dev/null 2>&1 && echo looked
    (echo x >/dev/urandom) 2>/dev/null && echo stirred
    echo end`;

  test("alone hides the first process and the host's random pool", async (t) => {
    assert.equal(await output(open(t), alone), "end\n");
    assert.equal(await output(open(t, "landlock"), alone), "looked\nstirred\nend\n");
  });

  test("alone keeps signals from the first process", {
    skip: "abi" in support && support.abi < 6 && `this kernel has version ${support.abi} of it`,
  }, async (t) => {
    const script = "kill -0 1 2>/dev/null && echo signalled; kill -0 $$ && echo own";
    assert.equal(await output(open(t), script), "own\n");
    assert.equal(await output(open(t, "landlock"), script), "signalled\nown\n");
  });

  test("refuses again what a root that is not read-only would allow", async (t) => {
    const script =
      "for at in /x /usr/../home/x /run/x /var/x /dev/x; do (: >$at) 2>/dev/null && echo $at; done; echo end";
    assert.equal(await output(open(t, "read_only_root"), script), "end\n");
    const without = await output(open(t, "read_only_root", "landlock"), script);
    assert.equal(without, "/x\n/usr/../home/x\n/run/x\n/var/x\n/dev/x\nend\n");
  });

  test("is proven, and refused to who asks for it where it is not", async (t) => {
    const driver = open(t);
    await driver.selfTest();
    const spec = shell("echo in", { requires: ["access.landlocked"] });
    assert.equal((await finish(await driver.start(spec))).stdout, "in\n");
    const without = open(t, "landlock");
    const { ok, guarantees } = await without.selfTest();
    assert.equal(ok, true, "a kernel without it makes jails all the same, and says so");
    assert.equal(guarantees.find((each) => each.name === "access.landlocked")?.held, false);
    await assert.rejects(without.start(spec), (error) => isErrorCode(error, "jail", "missing_guarantee"));
  });

  test("is on before anything of the command, its variables included, is read", async (t) => {
    const hostile = { PERL5OPT: "-MNo::Such", PERL5LIB: "/tmp", LD_PRELOAD: "/tmp/none.so", LC_ALL: "xx" };
    const said = await output(open(t), 'echo "$PERL5OPT $LC_ALL"; (: >/dev/urandom) 2>/dev/null || echo on', {
      ...hostile,
    });
    assert.match(said, /^-MNo::Such xx$/m);
    assert.match(said, /^on$/m);
  });

  test("leaves the command the signals and descriptors that it would have without", async (t) => {
    const script = "grep ^Sig /proc/self/status | grep -v SigQ; cd /proc/$$/fd; echo *";
    assert.equal(await output(open(t), script), await output(open(t, "landlock"), script));
  });
});
