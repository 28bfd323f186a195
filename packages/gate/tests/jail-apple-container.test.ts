/** What is particular to jails in machines of their own: tried with an emulator of Apple's container program. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { GuaranteeName, JailSpec } from "@holdfast/gate";
import {
  type AppleContainer,
  appleContainerMissing,
  startAppleContainer,
} from "@holdfast/testing/apple-container";
import { AppleContainerDriver } from "../src/jail/apple/apple-container-driver.ts";
import { ContainerProgram } from "../src/jail/apple/container-program.ts";
import { runArguments } from "../src/jail/apple/run-arguments.ts";
import { requiredGuarantees } from "../src/jail/guarantees.ts";
import { isAlive, withDescendants } from "../src/jail/host/processes.ts";
import { defaultJailDriver } from "../src/jail/open-driver.ts";
import { eventually, finish, firstLine, jailNode, shell, temporaryDirectory } from "./support.ts";

interface Machines {
  readonly apple: AppleContainer;
  readonly driver: AppleContainerDriver;
  readonly directory: string;
}

/** An emulator, and a driver of it whose guarantees are not asked for yet. */
async function machines(t: TestContext, path?: (real: string) => string): Promise<Machines> {
  const apple = startAppleContainer();
  const directory = temporaryDirectory(t);
  const containerPath = path?.(apple.path) ?? apple.path;
  const driver = new AppleContainerDriver({ directory, containerPath, image: apple.image });
  await driver.endOrphans();
  t.after(async () => {
    await driver.close();
    await apple.close();
  });
  return { apple, driver, directory };
}

/** A jail that no guarantee is asked of: they take seconds to prove, and other tests do. */
const plain = (script: string, spec: Partial<JailSpec> = {}) => shell(script, { requires: [], ...spec });

const refused = (code: string, message: RegExp) => (error: unknown) =>
  isErrorCode(error, "jail", code) && message.test(error.message);

async function listen(t: TestContext, server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.close());
}

describe("jails of Apple's container", { skip: appleContainerMissing() ?? false }, () => {
  // The self-test has to notice a program that does less than it was told.
  for (const [option, values, guarantee, detail] of [
    ["--network", 1, "network.none", /interfaces|routes/],
    ["--read-only", 0, "filesystem.read_only_root", /writable/],
    ["--cap-drop", 1, "privileges.none", /has capabilities/],
    ["--uid", 1, "privileges.none", /user 0 of its machine/],
    ["--entrypoint", 1, "network.none", /did not run/],
  ] as const satisfies readonly [string, number, GuaranteeName, RegExp][]) {
    test(`are refused by a program that leaves ${option} out`, async (t) => {
      const { driver } = await machines(t, (real) => {
        const path = join(temporaryDirectory(t), "container");
        const skip = `my @a; while (@ARGV) { my $w = shift; if ($w eq "${option}") { shift for 1 .. ${values}; next } push @a, $w }`;
        writeFileSync(path, `#!/usr/bin/perl\n${skip} exec { "${real}" } "${real}", @a;\n`, { mode: 0o755 });
        return path;
      });
      const { ok, guarantees } = await driver.selfTest();
      const found = guarantees.find(({ name }) => name === guarantee);
      assert.equal(ok, false);
      assert.equal(found?.held, false);
      assert.match(found.detail, detail);
    });
  }

  test("are refused where the program, its services or its image are missing", async (t) => {
    const apple = startAppleContainer();
    t.after(() => apple.close());
    const options = { directory: temporaryDirectory(t), containerPath: apple.path, image: apple.image };
    const other = new AppleContainerDriver({ ...options, image: "docker.io/library/other:1" });
    await assert.rejects(
      other.endOrphans(),
      refused("unavailable", /Run: container image pull docker\.io\/library\/other:1$/),
    );
    apple.setServices(false);
    await assert.rejects(
      new AppleContainerDriver(options).endOrphans(),
      refused("unavailable", /Run: container system start$/),
    );
    apple.setVersion("container CLI version 0.11.0 (build: release, commit: 1234567)");
    assert.throws(
      () => new AppleContainerDriver(options),
      refused("unavailable", /0\.11 .* is too old: jails need 0\.12/),
    );
    apple.setVersion("container 7.0, another program");
    assert.throws(
      () => new AppleContainerDriver(options),
      refused("unavailable", /is not Apple's container/),
    );
    const before = process.env["PATH"];
    t.after(() => {
      process.env["PATH"] = before;
    });
    process.env["PATH"] = temporaryDirectory(t);
    assert.throws(
      () => new AppleContainerDriver({ directory: options.directory }),
      refused("unavailable", /for macOS only/),
    );
  });

  test("are what is made on macOS where nothing was said", () => {
    assert.equal(defaultJailDriver("darwin"), "apple-container");
    assert.equal(defaultJailDriver("linux"), "bubblewrap");
  });

  test("end with the program that stands for them", async (t) => {
    const { apple, driver } = await machines(t);
    await driver.selfTest();
    const jail = await driver.start(plain("echo ready; sleep 1000"));
    await firstLine(jail);
    const [machine] = apple.machines();
    assert.ok(machine?.machine !== undefined && machine.client === jail.pid);
    const family = withDescendants(machine.machine);
    process.kill(jail.pid, "SIGKILL");
    assert.equal((await jail.exited).reason, "killed");
    assert.deepEqual([family.filter(isAlive), apple.machines()], [[], []]);
  });

  test("of a host that is gone are ended by the next one", async (t) => {
    const { apple, driver, directory } = await machines(t);
    const jail = await driver.start(plain("echo ready; sleep 1000"));
    await firstLine(jail);
    const next = new AppleContainerDriver({ directory, containerPath: apple.path, image: apple.image });
    assert.equal(await next.endOrphans(), 1);
    await next.close();
    assert.equal((await jail.exited).reason, "killed");
  });

  test("dial a socket that is its owner's alone, and each of a folder of sockets", async (t) => {
    const { driver, directory } = await machines(t);
    const folder = join(directory, "sockets");
    mkdirSync(folder, { mode: 0o700 });
    for (const name of ["one", "two"]) {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        let said = "";
        // Answered once the jail has said all: that it ended its half comes through.
        socket.on("data", (chunk) => {
          said += String(chunk);
        });
        socket.once("end", () => socket.end(`${name} heard ${said}`));
      });
      await listen(t, server, join(folder, name));
    }
    const script = `
      const net = require("node:net");
      const ask = (path) => new Promise((done) => {
        let heard = "";
        const socket = net.connect({ path, allowHalfOpen: true }, () => socket.end("me"));
        socket.on("data", (data) => { heard += data; }).once("close", () => done(heard)).on("error", (error) => done(error.code));
      });
      Promise.all(["/run/all/one", "/run/all/two", "/run/single"].map(ask)).then((all) => console.log(all.join()));`;
    const jail = await driver.start(
      plain("", {
        command: jailNode.path,
        args: ["-e", script],
        mounts: [
          jailNode.mount,
          { source: folder, target: "/run/all", mode: "ro" },
          { source: join(folder, "one"), target: "/run/single", mode: "ro" },
        ],
      }),
    );
    assert.equal(jail.relayPid, process.pid);
    const { stdout, stderr } = await finish(jail);
    assert.equal(stdout, "one heard me,two heard me,one heard me\n", stderr);
    assert.deepEqual(readdirSync(join(directory, "m")), [], "its sockets went with it");
  });

  test("lose the connections of their sockets with the end, on either side", async (t) => {
    const { driver, directory } = await machines(t);
    const path = join(directory, "host.sock");
    const closed = Promise.withResolvers<void>();
    const server = createServer((socket) => {
      socket.on("error", () => {}).once("close", () => closed.resolve());
      socket.write("welcome\n");
    });
    await listen(t, server, path);
    const script = `require("node:net").connect("/run/host.sock").on("data", (data) => process.stdout.write(data)); setInterval(() => {}, 1000);`;
    const jail = await driver.start(
      plain("", {
        ...{ command: jailNode.path, args: ["-e", script] },
        mounts: [jailNode.mount, { source: path, target: "/run/host.sock", mode: "ro" }],
      }),
    );
    assert.equal(await firstLine(jail), "welcome");
    await jail.stop({ graceMs: 0 });
    await closed.promise;
  });

  test("share a folder that holds more than sockets as it is", async (t) => {
    const { driver, directory } = await machines(t);
    const folder = join(directory, "mixed");
    mkdirSync(folder);
    writeFileSync(join(folder, "file"), "kept");
    await listen(t, createServer(), join(folder, "socket"));
    const jail = await driver.start(
      plain("cat /mixed/file", { mounts: [{ source: folder, target: "/mixed", mode: "ro" }] }),
    );
    assert.equal((await finish(jail)).stdout, "kept");
  });

  test("are refused a path that the program cannot mount, and leave nothing behind", async (t) => {
    const { apple, driver, directory } = await machines(t);
    const source = join(directory, "a:b");
    mkdirSync(source);
    const mounts = [{ source, target: "/ab", mode: "ro" }] as const;
    await assert.rejects(driver.start(plain("true", { mounts })), refused("invalid_spec", /colon/));
    assert.deepEqual([apple.machines(), readdirSync(join(directory, "jails"))], [[], []]);
  });

  test("that the program does not start are told in its words", async (t) => {
    const { apple, driver, directory } = await machines(t);
    apple.setServices(false);
    const { id } = plain("true");
    await assert.rejects(
      driver.start({ ...plain("true"), id }),
      refused("start_failed", /XPC connection error/),
    );
    apple.setServices(true);
    assert.equal((await finish(await driver.start({ ...plain("echo fine"), id }))).stdout, "fine\n");
    assert.deepEqual(readdirSync(join(directory, "jails")), []);
  });

  test("are not there where one is asked for before the driver is open", async (t) => {
    const apple = startAppleContainer();
    t.after(() => apple.close());
    const directory = temporaryDirectory(t);
    const driver = new AppleContainerDriver({ directory, containerPath: apple.path, image: apple.image });
    await assert.rejects(driver.start(plain("true")), refused("unavailable", /not open yet/));
    await assert.rejects(
      driver.start(shell("true")),
      (error) => isErrorCode(error, "jail", "missing_guarantee") && requiredGuarantees.length > 0,
    );
  });

  test("leave no watchdog behind a driver that was closed", async (t) => {
    const { driver } = await machines(t);
    const watching = () => withDescendants(process.pid).filter(({ pid }) => isWatchdog(pid)).length;
    assert.equal(watching(), 1);
    await driver.close();
    await eventually("it has ended", () => watching() === 0);
  });
});

function isWatchdog(pid: number): boolean {
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) && /delete --force/.test(readFileSync(file, "latin1"));
}

test("a program that cannot list or end its machines is reported", async (t) => {
  const path = join(temporaryDirectory(t), "container");
  const program = (list: string) => {
    const version = "echo 'container CLI version 0.12.0'";
    writeFileSync(path, `#!/bin/sh\ncase "$1" in --version) ${version} ;; list) ${list} ;; esac\n`, {
      mode: 0o755,
    });
    return new ContainerProgram(path);
  };
  await assert.rejects(
    program("echo 'no service' >&2; exit 1").names("h-"),
    refused("unavailable", /no service/),
  );
  const stays = program("echo h-1; echo other");
  await assert.rejects(stays.removeAll("h-"), refused("unavailable", /does not end h-1$/));
});

test("the program is asked for whole units, and for no less than it starts", () => {
  const plan = (limits: NonNullable<JailSpec["limits"]>) =>
    runArguments({
      spec: plain("true", { limits }),
      name: "holdfast-1",
      image: "image",
      label: "dev.holdfast.gate=1",
      startedFile: "/run/started",
      mounts: [],
    });
  const given = (args: readonly string[], option: string) => args[args.indexOf(option) + 1];
  const small = plan({ memoryBytes: 16 * 1024 * 1024, cpus: 0.01, tmpBytes: 4096, pids: 8 });
  assert.equal(given(small, "--memory"), "200M");
  assert.equal(given(small, "--cpus"), "1");
  assert.equal(given(small, "--mount"), "type=tmpfs,destination=/tmp,size=1M,mode=1777");
  assert.ok(small.includes("nproc=8:8"));
  const large = plan({ memoryBytes: 1024 * 1024 * 1024 + 1, cpus: 2.5 });
  assert.deepEqual([given(large, "--memory"), given(large, "--cpus")], ["1025M", "3"]);
  const none = plan({});
  assert.deepEqual([given(none, "--memory"), given(none, "--cpus")], ["4096M", "4"]);
  assert.notEqual(given(none, "--uid"), "0");
});
