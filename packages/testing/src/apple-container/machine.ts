/**
 * What stands for the machine of a container: a process apart from the command that asked for it, which ends with what
 * runs inside. A jail of bubblewrap is what it is made of: not a kernel of its own, so it gives itself another name for
 * the kernel; everything else is as strict as the options of the command say, and no stricter.
 */
import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createConnection, createServer } from "node:net";
import { basename, join } from "node:path";
import { MachineRecords } from "./records.ts";
import type { RunOptions } from "./run-options.ts";

const [state = "", name = "", said = ""] = process.argv.slice(2);
const options = JSON.parse(said) as RunOptions;
const records = new MachineRecords(state);
const folder = records.folder(name);
/** Tells the command that the machine runs. */
const startedFd = 3;
const infoFd = 3;

/** Of the image: what a jail has to get rid of. */
const imageEnvironment = [
  "PATH",
  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "NODE_VERSION",
  "24",
];
const imageEntrypoint = "/usr/local/bin/docker-entrypoint.sh";

/** What a container may do that was not told otherwise (how-to of apple/container, capabilities). */
const defaultCapabilities = [
  ...["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"],
  ...["NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"],
];

function rootOfImage(): string[] {
  const args = [
    "--ro-bind",
    "/usr",
    "/usr",
    "--dir",
    "/root",
    "--dir",
    "/home",
    "--dir",
    "/var/lib",
    "--dir",
    "/boot",
  ];
  for (const path of ["/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin"]) {
    if (!existsSync(path)) continue;
    if (lstatSync(path).isSymbolicLink()) args.push("--symlink", readlinkSync(path), path);
    else args.push("--ro-bind", path, path);
  }
  for (const path of ["/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf"]) {
    if (existsSync(path)) args.push("--ro-bind", path, path);
  }
  const hosts = join(folder, "hosts");
  writeFileSync(hosts, "127.0.0.1 localhost\n");
  return [...args, "--ro-bind", hosts, "/etc/hosts"];
}

/** Device files that belong to nobody inside, as those of a machine belong to its user 0. */
function devices(): string[] {
  const args = [
    "--dev",
    "/dev",
    "--perms",
    "1777",
    "--size",
    String(64 * 1024 * 1024),
    "--tmpfs",
    "/dev/shm",
  ];
  if (process.getuid?.() === 0) {
    const files = { null: "3", zero: "5", full: "7", random: "8", urandom: "9" };
    for (const [file, minor] of Object.entries(files)) {
      const path = join(folder, file);
      execFileSync("mknod", ["-m", "666", path, "c", "1", minor]);
      chownSync(path, 65_534, 65_534);
      args.push("--dev-bind", path, `/dev/${file}`);
    }
    const terminal = join(folder, "tty");
    execFileSync("mknod", ["-m", "666", terminal, "c", "5", "0"]);
    chownSync(terminal, 65_534, 65_534);
    args.push("--dev-bind", terminal, "/dev/tty");
  }
  return [...args, "--remount-ro", "/dev"];
}

/**
 * A socket that is mounted is another one inside: it has the mode of the host's, but the machine's user 0 as its
 * owner, and what dials it is carried over to the host's, by this process.
 */
async function carry(source: string, index: number): Promise<string> {
  const path = join(folder, `socket-${index}`);
  const server = createServer({ allowHalfOpen: true }, (inner) => {
    const outer = createConnection({ path: source, allowHalfOpen: true });
    inner.pipe(outer).pipe(inner);
    inner.on("error", () => outer.destroy());
    outer.on("error", () => inner.destroy());
  });
  // By its name alone, from the folder that it is in: an address has room for about a hundred bytes.
  await new Promise<void>((resolve) => server.listen(basename(path), resolve));
  const mode = statSync(source).mode & 0o777;
  // Where the owner cannot be another, what only an owner may do nobody may.
  if (process.getuid?.() === 0) chownSync(path, 65_534, 65_534);
  chmodSync(path, process.getuid?.() === 0 || (mode & 0o002) !== 0 ? mode : 0);
  return path;
}

async function mounts(): Promise<string[]> {
  const args: string[] = [];
  for (const { target, bytes, mode } of options.memory) {
    args.push("--perms", mode, ...(bytes === undefined ? [] : ["--size", String(bytes)]), "--tmpfs", target);
  }
  for (const [index, { source, target, readOnly }] of options.volumes.entries()) {
    if (statSync(source).isSocket()) args.push("--bind", await carry(source, index), target);
    else args.push(readOnly ? "--ro-bind" : "--bind", source, target);
  }
  return args;
}

function kernel(): string[] {
  const boot = join(folder, "boot_id");
  writeFileSync(boot, `${randomUUID()}\n`);
  return ["--proc", "/proc", "--ro-bind", boot, "/proc/sys/kernel/random/boot_id", "--remount-ro", "/proc"];
}

function command(): string[] {
  const limits = options.limits.map(({ kind, soft, hard }) => `--${kind}=${soft}:${hard}`);
  const program = [options.entrypoint ?? imageEntrypoint, ...options.arguments];
  return limits.length === 0 ? program : ["/usr/bin/prlimit", ...limits, "--", ...program];
}

mkdirSync(folder, { recursive: true, mode: 0o755 });
process.chdir(folder);
const bwrap = spawn(
  "bwrap",
  [
    ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ...(options.noNetwork ? ["--unshare-net"] : []),
    ...["--as-pid-1", "--die-with-parent", "--new-session", "--info-fd", String(infoFd)],
    ...["--uid", String(options.uid), "--gid", String(options.gid), "--hostname", name, "--clearenv"],
    ...pairs(imageEnvironment).flatMap(([variable, value]) => ["--setenv", variable, value]),
    ...["--cap-drop", "ALL"],
    ...(options.noCapabilities ? [] : defaultCapabilities.flatMap((each) => ["--cap-add", `CAP_${each}`])),
    ...rootOfImage(),
    ...devices(),
    ...kernel(),
    ...(await mounts()),
    ...(options.readOnly ? ["--remount-ro", "/"] : []),
    ...["--chdir", options.cwd, "--", ...command()],
  ],
  { stdio: ["inherit", "inherit", "inherit", "pipe"] },
);
let info = "";
bwrap.stdio[infoFd]?.on("data", (chunk: Buffer) => {
  info += String(chunk);
  const first = Number(/"child-pid": *(\d+)/.exec(info)?.[1]);
  if (!Number.isInteger(first)) return;
  const record = records.find(name);
  if (record !== undefined) records.write({ ...record, machine: process.pid, first });
  writeSync(startedFd, "started\n");
});
bwrap.once("exit", (code, signal) => {
  if (options.remove) records.remove(name);
  process.exit(code ?? (signal === "SIGKILL" ? 137 : 1));
});

function pairs(list: readonly string[]): [string, string][] {
  return list.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, list[at + 1] ?? ""]] : []));
}
