/**
 * `npm run test:cgroups`: jails on a kernel with control groups of version 2 alone, in a virtual machine that is
 * made for it: Debian's cloud kernel, the programs of this machine, Node and the driver. One to three minutes, since the processor is emulated.
 * Its packages are installed where that may be done; elsewhere it says what is missing, and is skipped.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Cpio } from "./cpio.ts";
import { kernelParts } from "./kernel-parts.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** A processor is emulated: on a busy machine it takes minutes. */
const timeoutMs = 600_000;
const programs =
  "sh env cat head tail sed tr wc sleep setsid unshare uname readlink ls mkdir perl mount chroot du dd bwrap true grep".split(
    " ",
  );
/** Kernel modules for the machine's disk and file system, unless they are built in. */
const parts = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"] as const;
const diskBytes = 64 * 1024 * 1024;

function find(program: string): string | undefined {
  const folders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

function skip(reason: string): never {
  console.log(`skipped: ${reason}`);
  process.exit(process.env["CI"] === "true" ? 1 : 0);
}

function qemu(): string {
  const name = "qemu-system-x86_64";
  if (find(name) === undefined && process.getuid?.() === 0 && find("apt-get") !== undefined) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    spawnSync("apt-get", ["install", "-y", "--no-install-recommends", "qemu-system-x86"], { env });
  }
  return find(name) ?? skip("needs qemu: sudo apt-get install --yes --no-install-recommends qemu-system-x86");
}

const cache = join(root, "node_modules/.cache/holdfast-vm");

/** The kernel is downloaded and taken apart, never installed: this machine does not start with it. */
function kernel(): string {
  const boot = join(cache, "boot");
  const found = () => (existsSync(boot) ? readdirSync(boot) : []).find((name) => name.startsWith("vmlinuz"));
  if (found() === undefined || modules() === undefined) {
    rmSync(cache, { recursive: true, force: true });
    mkdirSync(cache, { recursive: true });
    const depends = spawnSync("apt-cache", ["depends", "linux-image-cloud-amd64"], { encoding: "utf8" });
    const name = /Depends: (linux-image-\S+)/.exec(depends.stdout ?? "")?.[1];
    if (name === undefined) skip("needs Debian's package linux-image-cloud-amd64");
    spawnSync("apt-get", ["download", name], { cwd: cache });
    const archive = readdirSync(cache).find((each) => each.endsWith(".deb"));
    if (archive === undefined) skip(`${name} could not be downloaded`);
    spawnSync("dpkg-deb", ["--extract", archive, "."], { cwd: cache });
    rmSync(join(cache, archive));
  }
  return join(boot, found() ?? skip("the kernel's package has no kernel"));
}

/** Folder of the parts of the kernel that are not built into it; newer systems keep it below /usr. */
function modules(): string | undefined {
  return ["lib/modules", "usr/lib/modules"]
    .map((folder) => join(cache, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((version) => join(folder, version)))[0];
}

/** A disk whose whole is one file system. */
function disk(path: string): void {
  writeFileSync(path, "");
  truncateSync(path, diskBytes);
  const made = spawnSync(find("mkfs.ext4") ?? skip("needs mkfs.ext4 (e2fsprogs)"), ["-q", "-F", path]);
  if (made.status !== 0) skip(`mkfs.ext4 failed: ${String(made.stderr)}`);
}

/** bubblewrap needs a root that has a parent, which the first root of a kernel has not: it is put onto itself. */
const init = `#!/bin/sh
export PATH=/usr/bin
mount --bind / /new && cd /new && mount --move . / && exec chroot . /start`;

const begin = `#!/bin/sh
export PATH=/usr/bin HOME=/tmp
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# finit_module(2), without the programs that would call it.
for part in /parts/*; do
  perl -e 'open(my $part, "<", $ARGV[0]) or die; my $none = ""; syscall(313, fileno($part), $none, 0)' $part
done
mkdir -p /disk; mount -t ext4 /dev/vda /disk
/usr/bin/node --disable-warning=ExperimentalWarning /holdfast/tests/vm/inside.ts 2>&1
echo o >/proc/sysrq-trigger; sleep 10`;

function initramfs(): Buffer {
  const archive = new Cpio();
  for (const name of ["proc", "sys", "dev", "tmp", "new", "etc", "run", "var", "home"])
    archive.directory(name);
  for (const name of ["bin", "sbin", "lib", "lib64"])
    archive.link(name, `usr/${name === "sbin" ? "bin" : name}`);
  const found = programs.map((name) => find(name) ?? skip(`needs ${name}`));
  for (const path of found) {
    // Read through its links, since those of alternatives lead elsewhere.
    archive.file(path.replace(/^\/(usr\/)?s?bin\//, "/usr/bin/"), readFileSync(path));
  }
  archive.file("/usr/bin/node", readFileSync(process.execPath));
  const libraries = spawnSync("ldd", [...found, process.execPath], { encoding: "utf8" }).stdout;
  for (const [, path = ""] of libraries.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)) {
    archive.file(path.replace(/^\/lib/, "/usr/lib"), readFileSync(path));
  }
  for (const part of [
    "packages/core/src",
    "packages/core/package.json",
    "packages/gate/src",
    "packages/gate/package.json",
    "tests/vm",
  ]) {
    archive.copy(join(root, part), join("/holdfast", part));
  }
  const files = kernelParts(modules() ?? skip("the kernel's package has no parts"), parts);
  // A wildcard has them in the order of their names: what others need comes first.
  for (const [at, content] of files.entries()) archive.file(`/parts/${100 + at}`, content);
  archive.file("/holdfast/package.json", '{"type":"module"}');
  archive.link("/holdfast/node_modules/@holdfast/core", "../../packages/core");
  archive.file("/init", init);
  archive.file("/start", begin);
  return archive.end();
}

if (process.arch !== "x64") skip("needs x64");
const program = qemu();
const image = kernel();
const directory = mkdtempSync(join(tmpdir(), "holdfast-vm-"));
const began = performance.now();
try {
  writeFileSync(join(directory, "initramfs"), initramfs());
  disk(join(directory, "disk"));
  const machine = spawn(
    program,
    [
      ...[
        "-accel",
        "tcg",
        "-cpu",
        "max",
        "-smp",
        "2",
        "-m",
        "1536",
        "-nographic",
        "-no-reboot",
        "-nic",
        "none",
      ],
      ...["-drive", `file=${join(directory, "disk")},format=raw,if=virtio`],
      ...["-kernel", image, "-initrd", join(directory, "initramfs")],
      ...["-append", "console=ttyS0 quiet panic=-1 cgroup_no_v1=all"],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const timer = setTimeout(() => machine.kill("SIGKILL"), timeoutMs);
  let said = "";
  machine.stdout.on("data", (chunk) => {
    said += String(chunk);
  });
  await new Promise((resolve) => machine.once("close", resolve));
  clearTimeout(timer);
  const steps = [...said.matchAll(/STEP (ok|failed) (.*?)\r?$/gm)];
  for (const [, outcome, what] of steps) console.log(`${outcome === "ok" ? "ok    " : "FAILED"} ${what}`);
  console.log(`${Math.round((performance.now() - began) / 1_000)} s`);
  if (!/STEPS done/.test(said) || steps.some(([, outcome]) => outcome !== "ok")) {
    console.log(said.slice(-4_000));
    process.exitCode = 1;
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
