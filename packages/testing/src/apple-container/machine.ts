/**
 * Emulates a container's virtual machine: a process separate from the command that started it, which exits with the
 * container's main process. It is a bubblewrap sandbox on the host's kernel and only pretends to have another kernel;
 * otherwise it is exactly as strict as the options of the command.
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
/** Reports to the command that the machine runs. */
const startedFd = 3;
const infoFd = 3;

/** Environment and entrypoint of the image, which a jail must override. */
const imageEnvironment = [
  "PATH",
  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "NODE_VERSION",
  "24",
];
const imageEntrypoint = "/usr/local/bin/docker-entrypoint.sh";

/** Default capabilities of a container (apple/container how-to, capabilities). */
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

/** Device files that no user inside owns, like a machine's devices, which belong to its root. */
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
 * A mounted socket becomes a new one inside, with the mode of the host's socket but owned by the machine's root. This
 * process forwards its connections to the host's socket.
 */
async function forwardSocket(source: string, index: number): Promise<string> {
  const path = join(folder, `socket-${index}`);
  const server = createServer({ allowHalfOpen: true }, (inner) => {
    const outer = createConnection({ path: source, allowHalfOpen: true });
    inner.pipe(outer).pipe(inner);
    inner.on("error", () => outer.destroy());
    outer.on("error", () => inner.destroy());
  });
  // Relative to its folder, since a socket address has room for about a hundred bytes.
  await new Promise<void>((resolve) => server.listen(basename(path), resolve));
  const mode = statSync(source).mode & 0o777;
  // When the owner cannot be changed, drop the owner's permissions.
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
    if (statSync(source).isSocket()) args.push("--bind", await forwardSocket(source, index), target);
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
    ...toPairs(imageEnvironment).flatMap(([variable, value]) => ["--setenv", variable, value]),
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
let startupInfo = "";
bwrap.stdio[infoFd]?.on("data", (chunk: Buffer) => {
  startupInfo += String(chunk);
  const first = Number(/"child-pid": *(\d+)/.exec(startupInfo)?.[1]);
  if (!Number.isInteger(first)) return;
  const record = records.find(name);
  if (record !== undefined) records.write({ ...record, machine: process.pid, first });
  writeSync(startedFd, "started\n");
});
bwrap.once("exit", (code, signal) => {
  if (options.remove) records.remove(name);
  process.exit(code ?? (signal === "SIGKILL" ? 137 : 1));
});

function toPairs(list: readonly string[]): [string, string][] {
  return list.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, list[at + 1] ?? ""]] : []));
}
