/** Network, file system and resource limits of a jail: attacks.md, "Network", "Filesystem", "Resources". */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  eventually,
  finish,
  isRoot,
  missing,
  openGate,
  runNode,
  runNodeOutside,
  shell,
  temporaryDirectory,
} from "./support.ts";

describe("the network of a jail", { skip: missing("bwrap") }, () => {
  const attempts = (port: number) => `
    import net from "node:net";
    import dgram from "node:dgram";
    import dns from "node:dns/promises";
    import os from "node:os";
    const tcp = (host, port) => new Promise((done) => {
      const socket = net.connect({ host, port, timeout: 3000 });
      socket.once("connect", () => { socket.destroy(); done("connected"); });
      socket.once("timeout", () => { socket.destroy(); done("timeout"); });
      socket.once("error", (error) => done(error.code));
    });
    const udp = (type, port, host) => new Promise((done) => {
      const socket = dgram.createSocket(type);
      socket.once("error", (error) => done(error.code));
      socket.send("x", port, host, (error) => { done(error ? error.code : "sent"); socket.close(); });
    });
    const name = (promise) => promise.then(() => "resolved", (error) => error.code);
    const resolver = new dns.Resolver({ timeout: 500, tries: 1 });
    const own = net.createServer((socket) => socket.end()).listen(0, "127.0.0.1");
    await new Promise((ready) => own.once("listening", ready));
    const result = {
      host: await tcp("127.0.0.1", ${port}),
      own: await tcp("127.0.0.1", own.address().port),
      outside: [],
      udp: [],
      names: [],
      interfaces: Object.keys(os.networkInterfaces()),
    };
    if (${port} !== 0 && process.env.INSIDE) {
      for (const host of ["1.1.1.1", "2606:4700:4700::1111", "169.254.169.254", "fd00:ec2::254", "168.63.129.16",
        "100.100.100.200", "10.0.0.1", "172.17.0.1", "192.168.0.1", "fe80::1%lo"]) result.outside.push(await tcp(host, 443));
      result.udp.push(await udp("udp4", 53, "8.8.8.8"), await udp("udp4", 5353, "224.0.0.251"), await udp("udp6", 53, "2001:4860:4860::8888"));
      result.names.push(await name(dns.lookup("example.com")), await name(resolver.resolve4("example.com")),
        await name(resolver.resolveTxt("secret.example.com")), await name(dns.lookup("host.docker.internal")));
    }
    own.close();
    console.log(JSON.stringify(result));`;

  test("is its own loopback and nothing else", async (t) => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const address = server.address();
    const script = attempts(typeof address === "object" && address !== null ? address.port : 0);
    const gate = await openGate(t);
    const result = (await runNode(gate, script, { env: { INSIDE: "1" } })) as Record<
      string,
      string[] | string
    >;
    const control = runNodeOutside(script) as Record<string, string>;
    assert.deepEqual(
      [control["host"], control["own"]],
      ["connected", "connected"],
      "the attempt works outside",
    );
    assert.deepEqual([result["host"], result["own"]], ["ECONNREFUSED", "connected"]);
    assert.deepEqual(new Set(result["outside"]), new Set(["ENETUNREACH"]), JSON.stringify(result));
    assert.deepEqual(new Set(result["udp"]), new Set(["ENETUNREACH"]), JSON.stringify(result));
    assert.equal([...(result["names"] ?? [])].includes("resolved"), false);
    assert.deepEqual(result["interfaces"], ["lo"]);
  });

  test("cannot be reached from the host, whatever it listens on", async (t) => {
    const gate = await openGate(t);
    const script = `
      import net from "node:net";
      const server = net.createServer((socket) => socket.end("from the jail")).listen(0, "0.0.0.0", () => {
        console.log(JSON.stringify(server.address().port));
        process.stdin.resume().on("end", () => process.exit(0));
      });`;
    const port = await runNode(gate, script);
    const outside = runNodeOutside(`
      import net from "node:net";
      net.connect(${Number(port)}, "127.0.0.1").on("error", (e) => console.log(JSON.stringify(e.code))).on("data", (d) => console.log(JSON.stringify(String(d))));`);
    assert.equal(outside, "ECONNREFUSED");
  });
});

describe("the files of a jail", { skip: missing("bwrap") }, () => {
  test("are the system's programs, its mounts and nothing else of the host", async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, "canary"), "host file");
    const home = homedir();
    const paths = [
      join(directory, "canary"),
      "/root",
      home,
      "/home",
      "/etc/shadow",
      "/etc/ssh",
      "/etc/gshadow",
      "/etc/machine-id",
      "/etc/ssl/private",
      "/var/run/docker.sock",
      "/run/docker.sock",
      "/run/containerd",
      "/run/dbus",
      "/var/lib",
      "/var/log",
      "/boot",
      "/sys",
      "/mnt",
      "/srv",
      "/dev/kvm",
      "/dev/fuse",
      "/dev/mem",
      "/dev/sda",
      "/dev/vda",
      "/dev/kmsg",
      "/tmp/.X11-unix",
      process.cwd(),
    ];
    const gate = await openGate(t);
    const script = `
      import fs from "node:fs";
      const seen = ${JSON.stringify(paths)}.filter((path) => fs.existsSync(path));
      console.log(JSON.stringify({ seen, root: fs.readdirSync("/").sort(), home: fs.readdirSync("/home/agent") }));`;
    const { seen, root, home: agentHome } = (await runNode(gate, script)) as Record<string, string[]>;
    assert.ok(existsSync(join(directory, "canary")));
    assert.deepEqual(seen, ["/home"]);
    assert.deepEqual(agentHome, []);
    const own = [
      "bin",
      "dev",
      "etc",
      "home",
      "lib",
      "lib32",
      "lib64",
      "libx32",
      "opt",
      "proc",
      "run",
      "sbin",
      "tmp",
      "usr",
      "var",
    ];
    assert.deepEqual(
      root?.filter((name) => !own.includes(name)),
      [],
    );
  });

  test("cannot be written outside of the writable ones", async (t) => {
    const gate = await openGate(t);
    const targets = [
      "/x",
      "/usr/x",
      "/usr/bin/x",
      "/bin/x",
      "/etc/x",
      "/etc/passwd",
      "/dev/x",
      "/home/x",
      "/home/agent/x",
      "/run/x",
      "/opt/x",
      "/var/x",
      "/opt/holdfast/node",
      "/proc/sys/kernel/core_pattern",
      "/proc/sys/kernel/domainname",
      "/proc/sys/vm/drop_caches",
      "/proc/sysrq-trigger",
      "/proc/self/oom_score_adj",
      "/proc/1/mem",
      "/proc/1/oom_score_adj",
    ];
    const before = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
    const script = `
      import fs from "node:fs";
      const attempt = (path) => { try { fs.writeFileSync(path, "0", { flag: "r+" }); return "written"; } catch (error) {
        if (error.code !== "ENOENT") return error.code;
        try { fs.writeFileSync(path, "0"); return "made"; } catch (second) { return second.code; } } };
      const results = Object.fromEntries(${JSON.stringify(targets)}.map((path) => [path, attempt(path)]));
      results.tmp = attempt("/tmp/x");
      results.link = (() => { try { fs.symlinkSync("/etc/passwd", "/tmp/link"); return attempt("/tmp/link"); } catch (e) { return e.code; } })();
      console.log(JSON.stringify(results));`;
    const { tmp, ...results } = (await runNode(gate, script)) as Record<string, string>;
    assert.equal(tmp, "made", "the attempt works where it may");
    const wrong = Object.entries(results).filter(
      ([, code]) => !["EROFS", "EACCES", "EPERM", "ETXTBSY", "ENOENT"].includes(code),
    );
    assert.deepEqual(wrong, []);
    assert.equal(readFileSync("/proc/sys/kernel/core_pattern", "utf8"), before);
  });

  test("in /tmp and /dev/shm have a bound", async (t) => {
    const gate = await openGate(t);
    const script =
      "for at in /tmp /dev/shm; do dd if=/dev/zero of=$at/fill bs=64k 2>/dev/null; stat -c %s $at/fill; done";
    const { stdout } = await finish(
      await gate.jails.start(shell(script, { limits: { tmpBytes: 1024 * 1024 } })),
    );
    for (const size of stdout.trim().split("\n")) assert.ok(Number(size) <= 1024 * 1024, stdout);
  });
});

describe("other processes", { skip: missing("bwrap") }, () => {
  test("of the host and of other jails cannot be seen, signalled or reached by an abstract socket", async (t) => {
    const gate = await openGate(t);
    const name = `\0holdfast-abstract-${process.pid}`;
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(name, resolve));
    t.after(() => server.close());
    const neighbour = await gate.jails.start(shell("exec sleep 1000 # neighbour-mark"));
    const script = `
      import fs from "node:fs";
      import net from "node:net";
      const pids = fs.readdirSync("/proc").filter((each) => /^\\d+$/.test(each));
      const commands = pids.map((pid) => { try { return fs.readFileSync("/proc/" + pid + "/cmdline", "utf8"); } catch { return ""; } });
      const kill = (pid) => { try { process.kill(pid, 0); return "alive"; } catch (error) { return error.code; } };
      const socket = await new Promise((done) => net.connect(${JSON.stringify(name)}).once("connect", () => done("connected")).once("error", (e) => done(e.code)));
      console.log(JSON.stringify({ pids: pids.length, commands, signal: [kill(${process.pid}), kill(${neighbour.pid})], socket }));
      process.exit(0);`;
    const found = (await runNode(gate, script)) as {
      pids: number;
      commands: string[];
      signal: string[];
      socket: string;
    };
    assert.ok(found.pids <= 3, `${found.pids} processes`);
    assert.equal(
      found.commands.some((each) => each.includes("neighbour-mark") || each.includes("--test")),
      false,
    );
    assert.deepEqual(found.signal, ["ESRCH", "ESRCH"]);
    assert.equal(found.socket, "ECONNREFUSED");
    const control = runNodeOutside(`
      import net from "node:net";
      net.connect(${JSON.stringify(name)}).once("connect", function () { this.destroy(); console.log('"connected"'); });`);
    assert.equal(control, "connected", "the attempt works outside");
    await neighbour.stop();
  });
});

describe("the resources of a jail", { skip: missing("bwrap") }, () => {
  test("end a fork bomb and a memory balloon, not the host", {
    skip: !isRoot && "needs root for control groups",
  }, async (t) => {
    const gate = await openGate(t);
    const limits = { pids: 40, memoryBytes: 128 * 1024 * 1024 };
    const bomb = await gate.jails.start(shell("bomb() { bomb | bomb & }; bomb; exec sleep 1000", { limits }));
    bomb.stderr.resume();
    await eventually("forks are refused", () => (bomb.usage().pidsRefused ?? 0) > 0);
    const balloon = await gate.jails.start(shell("exec tail -n 1 </dev/zero", { limits }));
    assert.equal((await finish(balloon)).reason, "memory");
    assert.equal((await finish(await gate.jails.start(shell("echo fine", { limits })))).stdout, "fine\n");
    const began = performance.now();
    await bomb.stop({ graceMs: 0 });
    assert.ok(performance.now() - began < 20_000, "the sleep of 1,000 s was not waited for");
  });

  test("leave no core dump", async (t) => {
    const gate = await openGate(t);
    const { stdout } = await finish(
      await gate.jails.start(shell("cd /tmp; sh -c 'kill -SEGV $$'; ulimit -c; ls -A /tmp")),
    );
    assert.equal(stdout, "0\n");
  });
});
