import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  detectLandlock,
  landlockProgram,
  landlockRules,
  launcherCommand,
  launcherEnvironment,
} from "./landlock.ts";

const support = detectLandlock();

describe("the rules of Landlock", () => {
  test("give a mount what its mode says, and of a jail's own only /tmp and /dev/shm to write", () => {
    const rules = landlockRules([
      { source: "/a", target: "/workspace", mode: "rw" },
      { source: "/b", target: "/opt/agent", mode: "ro" },
    ]);
    const paths = (access: string) => rules.filter((each) => each.access === access).map((each) => each.path);
    assert.deepEqual(paths("write"), ["/tmp", "/dev/shm", "/workspace"]);
    assert.deepEqual(paths("list"), ["/"]);
    assert.ok(paths("read").includes("/opt/agent"));
    assert.ok(!paths("read").includes("/"));
    assert.ok(!paths("device").some((path) => path.endsWith("random")));
  });

  test("tell the launcher the number of variables, so that a truncated environment is refused", () => {
    assert.equal(launcherEnvironment({}), "0\0");
    assert.equal(launcherEnvironment({ A: "1", B: "x\ny=z" }), "2\0A=1\0B=x\ny=z\0");
  });
});

describe("a process under Landlock", {
  skip: "absent" in support && support.absent,
}, () => {
  const perl = "perl" in support ? support.perl : "";
  const newest = "abi" in support ? support.abi : 0;
  const abstract = `holdfast-landlock-${process.pid}`;
  const env = { PATH: "/usr/bin:/bin", OUTSIDE: String(process.pid), ABSTRACT: abstract };
  // The kernel takes connections for it, also while this process waits for another.
  const server = createServer((socket) => socket.destroy());
  before(() => new Promise<void>((resolve) => server.listen(`\0${abstract}`, resolve)));
  after(() => server.close());

  function attempt(abi: number, script: string, directory: string) {
    const rules = [
      ...landlockRules([
        { source: "", target: join(directory, "rw"), mode: "rw" },
        { source: "", target: join(directory, "ro"), mode: "ro" },
        { source: "", target: join(directory, "file"), mode: "rw" },
        { source: "", target: join(directory, "missing"), mode: "ro" },
      ]).filter(({ path }) => path !== "/tmp"),
    ];
    const program = `${landlockProgram(abi, rules, process.arch)}exec "/bin/sh", "-c", @ARGV;`;
    const done = spawnSync(perl, ["-e", program, "--", script], { cwd: directory, encoding: "utf8", env });
    return done.stdout + (done.status === 125 ? done.stderr : "");
  }

  function scratch(t: { after(end: () => void): void }): string {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-landlock-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    for (const part of ["rw", "ro", "other"]) mkdirSync(join(directory, part));
    for (const part of ["file", "ro/file", "other/file"]) writeFileSync(join(directory, part), "text");
    return directory;
  }

  const script = `
    for path in rw/new file; do if (echo x >$path) 2>/dev/null; then echo "wrote $path"; fi; done
    for path in ro/file other/file other/new ro/new; do if (echo x >$path) 2>/dev/null; then echo "WROTE $path"; fi; done
    if (rm ro/file other/file || mkdir ro/d || mv rw/new ro/new || mkfifo other/f) 2>/dev/null; then echo CHANGED; fi
    for path in ro/file other/file; do if cat $path >/dev/null 2>&1; then echo "read $path"; fi; done
    if mknod rw/device c 1 3 2>/dev/null; then echo DEVICE; fi
    perl -e 'truncate("other/file", 0) and print "truncated\\n"; open(F, "<", "/dev/urandom"); my $n = pack("L", 0);
      ioctl(F, 0x80045200, $n) and print "asked the device\\n"; kill(0, getppid()) and print "own\\n"; kill(0, $ARGV[0]) and print "signalled\\n";
      socket(S, 1, 1, 0); connect(S, pack("S", 1) . "\\0$ARGV[1]") and print "connected\\n"' "$OUTSIDE" "$ABSTRACT"
    ls / >/dev/null && echo listed; echo x >/dev/null && echo quiet`;
  /** Access rights added by each version of Landlock. */
  const expected = (abi: number) =>
    [
      "wrote rw/new\nwrote file\nread ro/file\n",
      ...(abi < 3 ? ["truncated\n"] : []),
      ...(abi < 5 ? ["asked the device\n"] : []),
      "own\n",
      ...(abi < 6 ? ["signalled\n", "connected\n"] : []),
      "listed\nquiet\n",
    ].join("");

  for (let abi = 1; abi <= newest; abi++) {
    test(`does what its rules say and nothing else, with version ${abi}`, (t) => {
      const directory = scratch(t);
      assert.equal(attempt(abi, script, directory), expected(abi));
      assert.deepEqual(readdirSync(join(directory, "ro")), ["file"]);
    });
  }

  test("gets all of its variables, or does not exist", (t) => {
    const directory = scratch(t);
    const [program = "", ...args] = launcherCommand({ abi: newest, perl }, landlockRules([]));
    const launched = (told: string) => {
      writeFileSync(join(directory, "told"), told);
      const told6 = openSync(join(directory, "told"), "r");
      const done = spawnSync(program, [...args, "/usr/bin/env"], {
        env: {},
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe", "ignore", "ignore", "ignore", told6],
      });
      closeSync(told6);
      return [done.status, done.stdout];
    };
    assert.deepEqual(launched(launcherEnvironment({ A: "1" })), [0, "A=1\n"]);
    assert.deepEqual(launched(launcherEnvironment({ A: "1", B: "2" }).slice(0, -4)), [125, ""]);
    assert.deepEqual(launched(""), [125, ""]);
  });

  test("does not exist where the kernel refuses the rules", (t) => {
    // A version that no kernel has yet says more rights than any knows.
    const program = landlockProgram(newest, landlockRules([]), process.arch).replace(
      /pack\("Q", \d+\)/,
      'pack("Q", 1 << 62)',
    );
    const done = spawnSync(perl, ["-e", `${program}print "ran";`], { cwd: scratch(t), encoding: "utf8" });
    assert.deepEqual([done.status, done.stdout], [125, ""]);
    assert.match(done.stderr, /Landlock refused a ruleset/);
  });
});
