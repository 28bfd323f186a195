import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, type TestContext, test } from "node:test";
import { appleContainerMissing, startAppleContainer } from "./apple-container.ts";

function emulator(t: TestContext) {
  const { path, image, machines, close } = startAppleContainer();
  t.after(close);
  const ask = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(path, args, { encoding: "utf8", timeout: 60_000 });
    return { status, stdout, said: stderr.trim() };
  };
  return { ask, image, machines };
}

describe("the emulator of Apple's container program", { skip: appleContainerMissing() ?? false }, () => {
  test("rejects unknown input like the program, and starts nothing", (t) => {
    const { ask, image, machines } = emulator(t);
    const cases: readonly [readonly string[], number, RegExp][] = [
      [["compose", "up"], 64, /Unknown command 'compose'/],
      [["run", "--privileged", image, "true"], 64, /Unknown option '--privileged'/],
      [["run", "--name"], 64, /Missing value for '--name <value>'/],
      [["run", "--cpus", "1.5", image, "true"], 64, /'1\.5' is invalid for '--cpus'/],
      [["run", "--rm"], 64, /Missing expected argument '<image>'/],
      [["run", "--name", "-x", image, "true"], 1, /invalid entity name -x/],
      [["run", "--memory", "64M", image, "true"], 1, /minimum memory amount allowed is 200 MiB/],
      [["run", "--network", "default", image, "true"], 1, /no network of that name/],
      [["run", "--volume", "/no/such:/x", image, "true"], 1, /path '\/no\/such' does not exist/],
      [["run", "--volume", "/usr:/x:ro:more", image, "true"], 1, /invalid volume format/],
      [["run", "--mount", "type=tmpfs,destination=/x,uid=1", image, "true"], 1, /unknown directive uid/],
      [["run", "--ulimit", "stack=1", image, "true"], 1, /invalid ulimit: stack=1/],
      [["run", "docker.io/library/other:1", "true"], 1, /image not found/],
      [["image", "inspect", "other"], 1, /image not found: other/],
      [["delete", "--force", "other"], 1, /container with ID other not found/],
      [["kill", "--signal", "TERM", "other"], 1, /No such container: other/],
      [["list", "--all", "--sort"], 64, /Unknown option '--sort'/],
    ];
    for (const [args, status, said] of cases) {
      const found = ask(...args);
      assert.deepEqual([args, found.status], [args, status], found.said);
      assert.match(found.said, said);
    }
    assert.deepEqual(machines(), []);
  });

  test("is only as strict as its options, and exits with the command's code", (t) => {
    const { ask, image } = emulator(t);
    const script = "id -u; echo $NODE_VERSION; (: >/made) && echo wrote";
    const loose = ask("run", "--rm", "--entrypoint", "/bin/sh", image, "-c", `${script}; exit 7`);
    assert.deepEqual([loose.stdout, loose.status], ["0\n24\nwrote\n", 7], loose.said);
    const strict = ask(
      ...["run", "--rm", "--read-only", "--uid", "501", "--gid", "20"],
      ...["--entrypoint", "/bin/sh", image, "-c", `${script}; sh -c 'kill -KILL $$'; exit $?`],
    );
    assert.equal(strict.stdout, "501\n24\n");
    assert.equal(strict.status, 137);
    assert.equal(ask("list", "--all", "--quiet").stdout, "");
  });
});
