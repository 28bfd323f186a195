import { chmodSync, chownSync, copyFileSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { examinedCalls, filterArch, refusedCalls } from "../jail/confinement/seccomp.ts";
import type { Attack } from "./attack.ts";
import { elf32Exit } from "./lab/elf32.ts";
import type { AttackLab, SystemCall } from "./lab/lab.ts";
import { NotApplicable } from "./lab/not-tried.ts";
import { summary } from "./network.ts";

/** System call by name, with its number on this architecture. */
function call(name: string, ...args: (number | string)[]): SystemCall {
  const arch = filterArch();
  const nr = refusedCalls(arch).get(name) ?? (examinedCalls(arch) as Readonly<Record<string, number>>)[name];
  if (nr === undefined) throw new NotApplicable(`${name} is not a system call of ${arch}`);
  return { name: `${name}${args.length > 0 ? `(${args.join(",")})` : ""}`, nr, args };
}

const sigchld = 17;
const namespace = { mount: 0x20000, user: 0x10000000, pid: 0x20000000, net: 0x40000000 } as const;

/** Stopped if the filter refuses every call. The control: at least one call has another result on the host. */
async function refusedByFilter(lab: AttackLab, calls: readonly SystemCall[]) {
  lab.needs("perl");
  const inside = await lab.calls(calls);
  const outside = await lab.callsOutside(calls);
  const others = [...outside].filter(([name, outcome]) => inside.get(name) !== outcome);
  return {
    stopped:
      inside.size === calls.length &&
      [...inside.values()].every((each) => each === "EPERM" || each === "ENOSYS"),
    observed: summary(Object.fromEntries(inside)),
    control: {
      worked: others.length > 0,
      observed: `outside: ${others
        .map(([name, outcome]) => `${name.replace(/\(.*/, "")} ${outcome}`)
        .slice(0, 3)
        .join(", ")}`,
    },
  };
}

export const kernelAttacks: readonly Attack[] = [
  {
    id: "kernel.write_proc",
    group: "kernel",
    attempt: "write /proc/sys, sysrq-trigger, /sys, the control groups",
    must: "read-only or absent",
    layer: "mount namespace: /proc read-only, no /sys",
    needs: ["filesystem.read_only_root"],
    run: async (lab) => {
      const targets = [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/domainname",
        "/proc/sys/vm/drop_caches",
        "/proc/sysrq-trigger",
        "/proc/self/oom_score_adj",
        "/sys/kernel/mm/ksm/run",
        "/sys/fs/cgroup/cgroup.procs",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
      ];
      const script = (paths: readonly string[]) => `
        import fs from "node:fs"; const answers = {};
        for (const path of ${JSON.stringify(paths)}) try { fs.closeSync(fs.openSync(path, "r+")); answers[path] = "opened"; } catch (error) { answers[path] = error.code; }
        console.log(JSON.stringify(answers));`;
      const answers = await lab.inside(script(targets));
      const control = await lab.outside(script(["/proc/self/oom_score_adj"]));
      // Where the engine mounts /proc, a process may raise its own OOM score, which harms only itself.
      const { "/proc/self/oom_score_adj": itself, ...others } = answers;
      const judged =
        lab.gate.jails.driver.name === "bubblewrap"
          ? [...Object.values(others), itself]
          : Object.values(others);
      return {
        stopped: !judged.includes("opened"),
        observed: summary(others),
        control: { worked: Object.values(control).includes("opened"), observed: "opened on the host" },
      };
    },
  },
  {
    id: "kernel.namespaces",
    group: "kernel",
    attempt: "unshare, nested user namespaces, clone3, setns",
    must: "EPERM; ENOSYS for clone3",
    layer: "system call filter; user namespaces sealed",
    needs: ["namespaces.sealed", "syscalls.filtered"],
    run: (lab) =>
      refusedByFilter(lab, [
        call("unshare", namespace.user),
        call("unshare", namespace.mount),
        call("unshare", namespace.net),
        call("clone", namespace.user | sigchld, 0, 0, 0, 0),
        call("clone", namespace.pid | sigchld, 0, 0, 0, 0),
        call("clone3", 0, 0),
        call("setns", -1, 0),
      ]),
  },
  {
    id: "kernel.mounts",
    group: "kernel",
    attempt: "mount, pivot_root, chroot, fsopen, open_tree, move_mount, mount_setattr",
    must: "EPERM",
    layer: "system call filter; no capability",
    needs: ["syscalls.filtered", "privileges.none"],
    run: (lab) =>
      refusedByFilter(lab, [
        call("mount", 0, 0, 0, 0, 0),
        call("umount2", 0, 0),
        call("pivot_root", 0, 0),
        call("chroot", "/"),
        call("fsopen", "tmpfs", 0),
        call("fsmount", -1, 0, 0),
        call("fsconfig", -1, 0, 0, 0, 0),
        call("open_tree", -1, 0, 0),
        call("move_mount", -1, 0, -1, 0, 0),
        call("mount_setattr", -1, 0, 0, 0, 0),
      ]),
  },
  {
    id: "kernel.interfaces",
    group: "kernel",
    attempt:
      "bpf, perf, io_uring, asynchronous I/O, keyrings, userfaultfd, tracing, modules, kexec, personality",
    must: "EPERM",
    layer: "system call filter",
    needs: ["syscalls.filtered"],
    run: (lab) =>
      refusedByFilter(lab, [
        call("bpf", -1, 0, 0),
        call("perf_event_open", 0, 0, -1, -1, 0),
        call("io_setup", 1, 0),
        call("io_uring_setup", 0, 0),
        call("io_uring_enter", -1, 0, 0, 0, 0, 0),
        call("io_uring_register", -1, 0, 0, 0),
        call("keyctl", 0, -3, 1),
        call("add_key", 0, 0, 0, 0, 0),
        call("request_key", 0, 0, 0, 0),
        call("userfaultfd", 1),
        call("ptrace", 0, 0, 0, 0),
        call("process_vm_readv", 1, 0, 0, 0, 0, 0),
        call("process_vm_writev", 1, 0, 0, 0, 0, 0),
        call("pidfd_getfd", -1, 0, 0),
        call("kcmp", 1, 1, 1, 0, 0),
        call("kexec_load", 0, 0, 0, -1),
        call("init_module", 0, 0, 0),
        call("finit_module", -1, 0, 0),
        call("open_by_handle_at", -1, 0, 0),
        call("syslog", 10, 0, 0),
        call("personality", 0x0040000),
        call("sethostname", 0, -1),
      ]),
  },
  {
    id: "kernel.sockets",
    group: "kernel",
    attempt: "raw, ICMP, packet, netlink audit, AF_ALG and vsock sockets",
    must: "EPERM",
    layer: "system call filter: socket families and types",
    needs: ["syscalls.filtered"],
    run: (lab) =>
      refusedByFilter(lab, [
        call("socket", 2, 3, 255),
        call("socket", 2, 3, 1),
        call("socket", 2, 2, 1),
        call("socket", 17, 3, 0),
        call("socket", 38, 5, 0),
        call("socket", 40, 1, 0),
        call("socket", 16, 3, 9),
        call("socketpair", 2, 1, 0, 0),
      ]),
  },
  {
    id: "kernel.setuid",
    group: "kernel",
    attempt: "a set-user-ID program, a file capability, su and sudo; leave such a program in the workspace",
    must: "no privileges gained, and no such program left behind",
    layer: "no_new_privs, no set-user-ID on mounts; system call filter: modes of files",
    needs: ["privileges.none", "syscalls.filtered"],
    run: async (lab) => {
      const directory = lab.directory("setuid");
      chmodSync(directory, 0o755);
      const program = join(directory, "id");
      copyFileSync("/usr/bin/id", program);
      // Only root can change a file's owner. For other users, a program with their own id tests no_new_privs only.
      const root = process.getuid?.() === 0;
      if (root) chownSync(program, 65534, 65534);
      chmodSync(program, 0o6755);
      const workspace = lab.directory("setuid-left");
      const left = await lab.shell(
        "cp /usr/bin/id /workspace/id && chmod 4755 /workspace/id; test -s /workspace/id && echo made",
        {
          mounts: [{ source: workspace, target: "/workspace", mode: "rw" }],
        },
      );
      const { stdout } = await lab.shell(
        "/attack/id; grep -h NoNewPrivs /proc/self/status; grep -h CapEff /proc/self/status",
        {
          mounts: [{ source: directory, target: "/attack", mode: "ro" }],
        },
      );
      const outside = root
        ? await lab.outside(
            `import { execFileSync } from "node:child_process"; console.log(JSON.stringify({ id: execFileSync(${JSON.stringify(program)}).toString() }));`,
          )
        : undefined;
      const mode = (statSync(join(workspace, "id"), { throwIfNoEntry: false })?.mode ?? 0) & 0o7777;
      const said = left.stdout.trim() || left.stderr.trim() || `exit ${left.code}`;
      return {
        stopped:
          left.stdout === "made\n" &&
          (mode & 0o4000) === 0 &&
          !/euid/.test(stdout) &&
          // gVisor does not report NoNewPrivs, which is always set in its jails.
          (lab.ownKernel || /NoNewPrivs:\s*1/.test(stdout)) &&
          /CapEff:\s*0+\s*$/.test(stdout.trim()),
        observed: [`${said}, with mode ${mode.toString(8)}`, ...stdout.trim().split("\n")].join("; "),
        ...(outside && {
          control: {
            worked: /euid=65534/.test(outside["id"] ?? ""),
            observed: "on the host, it changes the user",
          },
        }),
      };
    },
  },
  {
    id: "kernel.devices",
    group: "kernel",
    attempt:
      "mknod, /dev/mem, /dev/kvm, /dev/fuse, typing into a terminal with TIOCSTI, its line discipline; change the mode of /dev/null",
    must: "refused or absent; nothing changes on the host",
    layer: "system call filter; private /dev with devices that the jail does not own or that are read-only",
    needs: ["syscalls.filtered", "filesystem.mounts_only"],
    run: async (lab) => {
      lab.needs("perl");
      const device = `/tmp/holdfast-device-${process.pid}`;
      const calls = [
        call("mknodat", -100, device, 0o020600, 0x103),
        call("ioctl", 0, 0x5412, "x"),
        call("ioctl", 0, 0x100005412, "x"),
        call("ioctl", 0, 0x541c, "x"),
        call("ioctl", 0, 0x5423, "x"),
      ];
      const found = await refusedByFilter(lab, calls);
      rmSync(device, { force: true });
      const { stdout } = await lab.shell(
        // gVisor's user-space file systems have a device, but mount in its kernel only.
        `for d in mem kvm ${lab.ownKernel ? "" : "fuse"} kmsg port sda vda; do [ -e /dev/$d ] && echo $d; done; echo done`,
      );
      const shared = ["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name}`);
      const changedAt = () => shared.map((path) => statSync(path).ctimeMs).join();
      const before = changedAt();
      // Sets the modes that the files already have, which is harmless if nothing stops it.
      await lab.shell(
        shared.map((path) => `chmod ${(statSync(path).mode & 0o777).toString(8)} ${path}`).join("; "),
      );
      return {
        ...found,
        stopped: found.stopped && stdout === "done\n" && changedAt() === before,
        observed: `${found.observed}; devices: none`,
      };
    },
  },
  {
    id: "kernel.abstract_sockets",
    group: "kernel",
    attempt: "an abstract Unix socket of the host",
    must: "not reached",
    layer: "network namespace",
    needs: ["network.none"],
    run: async (lab) => {
      const name = `\0holdfast-attack-${process.pid}`;
      await lab.listen(name);
      const script = `
        import net from "node:net";
        const answer = await new Promise((done) => net.connect(${JSON.stringify(name)}).once("connect", () => done("connected")).once("error", (error) => done(error.code)));
        console.log(JSON.stringify({ answer })); process.exit(0);`;
      const inside = await lab.inside(script);
      const outside = await lab.outside(script);
      return {
        stopped: inside["answer"] !== "connected",
        observed: inside["answer"] ?? "",
        control: { worked: outside["answer"] === "connected", observed: "connected on the host" },
      };
    },
  },
  {
    id: "kernel.unix_sockets",
    group: "kernel",
    attempt: "create a Unix socket, by path and abstract, in a jail that may not have any",
    must: "EPERM; only socket pairs can be created",
    layer: "system call filter: socket families",
    needs: ["syscalls.filtered"],
    run: async (lab) => {
      const script = `
        import { spawnSync } from "node:child_process"; import net from "node:net";
        const listen = (path) => new Promise((done) => net.createServer().once("listening", () => done("made")).once("error", (error) => done(error.code)).listen(path));
        const dial = (path) => new Promise((done) => net.connect(path).once("connect", () => done("made")).once("error", (error) => done(error.code === "ECONNREFUSED" || error.code === "ENOENT" ? "made" : error.code)));
        const answers = { path: await listen("/tmp/attack-" + process.pid), abstract: await listen("\\0attack-" + process.pid), dial: await dial("/tmp/nobody") };
        // Node speaks to its children by pairs.
        answers.pair = spawnSync("/bin/echo", ["pair"]).stdout?.toString().trim() ?? "none";
        console.log(JSON.stringify(answers)); process.exit(0);`;
      const { pair, ...none } = await lab.inside(script, { unixSockets: false });
      const { pair: _, ...some } = await lab.inside(script);
      return {
        stopped: Object.values(none).every((each) => each === "EPERM") && pair === "pair",
        observed: summary(none),
        control: {
          worked: Object.values(some).every((each) => each === "made"),
          observed: "a jail that may have them creates them",
        },
      };
    },
  },
  {
    id: "kernel.host_sockets",
    group: "kernel",
    attempt: "sockets of docker, podman, containerd, D-Bus, X11, ssh-agent, gpg-agent, PulseAudio",
    must: "not mounted, and not named in any variable",
    layer: "mount namespace; environment from the specification",
    needs: ["filesystem.mounts_only", "environment.exact"],
    run: async (lab) => {
      const directory = lab.directory("host-socket");
      const planted = join(directory, "agent.sock");
      await lab.listen(planted);
      const script = `
        import fs from "node:fs";
        const paths = ["/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock",
          "/run/dbus/system_bus_socket", "/tmp/.X11-unix", "/run/user/" + process.getuid() + "/bus", ${JSON.stringify(planted)}];
        const names = ["DOCKER_HOST", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "GPG_AGENT_INFO", "XDG_RUNTIME_DIR", "PULSE_SERVER"];
        console.log(JSON.stringify({ seen: [...paths.filter((path) => fs.existsSync(path)), ...names.filter((name) => process.env[name])].join(" ") || "none" }));`;
      const inside = await lab.inside(script);
      const outside = await lab.outside(script, { SSH_AUTH_SOCK: planted });
      return {
        stopped: inside["seen"] === "none",
        observed: `seen: ${inside["seen"]}`,
        control: {
          worked: outside["seen"]?.includes(planted) === true && outside["seen"].includes("SSH_AUTH_SOCK"),
          observed: "on the host, a planted socket and its variable are visible",
        },
      };
    },
  },
  {
    id: "kernel.first_process",
    group: "kernel",
    attempt: "inspect the jail's first process, which has no filter; write to the host's random pool",
    must: "EACCES",
    layer: "Landlock",
    needs: ["access.landlocked"],
    run: async (lab) => {
      const script = (pid: string) => `
        import fs from "node:fs"; import { spawn } from "node:child_process";
        const pid = ${pid}; const answers = {};
        const attempt = (what, act) => { try { act(); answers[what] = "done"; } catch (error) { answers[what] = error.code; } };
        for (const name of ["environ", "maps", "mem"]) attempt(name, () => fs.closeSync(fs.openSync("/proc/" + pid + "/" + name, "r")));
        attempt("root", () => fs.readlinkSync("/proc/" + pid + "/root"));
        attempt("random", () => fs.writeFileSync("/dev/urandom", "stir"));
        console.log(JSON.stringify(answers));
        if (pid !== 1) process.kill(pid, "SIGKILL");`;
      const inside = await lab.inside(script("1"));
      const outside = await lab.outside(script('spawn("sleep", ["30"]).pid'));
      return {
        stopped: Object.values(inside).every((each) => each === "EACCES" || each === "EPERM"),
        observed: summary(inside),
        control: {
          worked: outside["environ"] === "done" && outside["random"] === "done",
          observed: "on the host, an own process can be inspected and the pool be written",
        },
      };
    },
  },
  {
    id: "kernel.foreign_calls",
    group: "kernel",
    attempt: "32-bit and x32 system calls to bypass the filter",
    must: "the process is killed; ENOSYS for x32",
    layer: "system call filter: architecture check",
    needs: ["syscalls.filtered"],
    run: async (lab) => {
      if (process.arch !== "x64")
        throw new NotApplicable(`${process.arch} has no second system call table here`);
      lab.needs("perl");
      const directory = lab.directory("ia32");
      const program = join(directory, "exit42");
      writeFileSync(program, elf32Exit(42), { mode: 0o755 });
      chmodSync(directory, 0o755);
      mkdirSync(join(directory, "empty"));
      const mounts = [{ source: directory, target: "/attack", mode: "ro" }] as const;
      const ia32 = await lab.shell("/attack/exit42; echo $?", { mounts });
      const x32 = await lab.calls([{ name: "x32", nr: 0x40000000 + 39, args: [] }]);
      const outside = await lab.outside(`
        import { spawnSync } from "node:child_process"; const done = spawnSync(${JSON.stringify(program)});
        console.log(JSON.stringify({ code: String(done.status ?? done.error?.code ?? done.signal) }));`);
      // A kernel without support for 32-bit programs refuses to start it, which is as safe. Where the C library then
      // takes it for a script, a shell fails on it.
      const isRefused = ["ENOEXEC", "126", "127"].includes(outside["code"] ?? "");
      const code = ia32.stdout.trim().split("\n").at(-1);
      return {
        // Filters compiled by the engine's runtime kill the caller instead.
        stopped: code !== "42" && ["ENOSYS", "signal 31"].includes(x32.get("x32") ?? ""),
        observed: `32-bit program: ${code === "159" ? "killed by SIGSYS" : `exit ${code}`}; x32: ${x32.get("x32")}`,
        ...(isRefused
          ? {}
          : {
              control: { worked: outside["code"] === "42", observed: "on the host, the 32-bit program runs" },
            }),
      };
    },
  },
];
