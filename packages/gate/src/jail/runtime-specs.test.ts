/**
 * Complete configurations for engines and runtimes. These tests show that nothing is left out; the self-test, the
 * conformance suite and the attacks show from inside that each is applied.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dockerContainer } from "./engine/docker-spec.ts";
import { podmanContainer } from "./engine/podman-spec.ts";
import { usrConfigDirectories } from "./host/usr-config-directories.ts";
import type { JailSpec } from "./jail.ts";
import { writeBundle } from "./oci/oci-bundle.ts";

const tmpBytes = 1024 * 1024;
const memoryBytes = 256 * 1024 * 1024;
const spec: JailSpec = {
  ...{ id: "x", command: "true", args: [], cwd: "/", env: {}, network: "none" },
  mounts: [{ source: "/etc", target: "/workspace", mode: "rw" }],
  limits: {
    ...{ memoryBytes, pids: 64, cpus: 0.5, tmpBytes },
    ...{ diskReadBytesPerSecond: 4_194_304, diskWriteBytesPerSecond: 1_048_576 },
    ...{ diskReadsPerSecond: 400, diskWritesPerSecond: 100 },
  },
};
const disks = [{ major: 8, minor: 16, path: "/dev/sdb" }];
const labels = { "dev.holdfast.gate": "x" };
const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];

type Fields = Readonly<Record<string, unknown>>;

/** Without what a command is, and with those mounts alone that are the same on every machine. */
function told(value: unknown, key: "mounts" | "Mounts", target: string): Fields {
  const { command: _c, Entrypoint: _e, Cmd: _d, ...rest } = value as Fields;
  const mounts = (rest[key] as readonly Fields[]).filter((each) =>
    ["/proc", "/dev", "/dev/null", "/dev/shm", "/tmp", "/usr", "/workspace"].includes(String(each[target])),
  );
  return { ...rest, [key]: mounts };
}

test("podman receives every protection", () => {
  const map = (own: number) => [
    { container_id: 0, host_id: 2_000_000_000, size: 1 },
    { container_id: 5, host_id: 2_000_000_005, size: 1 },
    { container_id: 1000, host_id: own, size: 1 },
  ];
  const users =
    uid === 0
      ? {
          userns: { nsmode: "private" },
          idmappings: { UIDMap: map(uid), GIDMap: map(gid), AutoUserNs: false },
        }
      : { userns: { nsmode: "keep-id", value: "uid=1000,gid=1000" } };
  const container = podmanContainer({
    spec,
    labels: { ...labels },
    seccompFile: "/seccomp.json",
    root: "/root",
    disks,
  });
  assert.deepEqual(told(container, "mounts", "destination"), {
    ...{ rootfs: "/root", work_dir: "/", stdin: true, terminal: false },
    ...{ user: "1000:1000", hostname: "jail", labels },
    ...users,
    netns: { nsmode: "none" },
    pidns: { nsmode: "private" },
    ipcns: { nsmode: "private" },
    utsns: { nsmode: "private" },
    cgroupns: { nsmode: "private" },
    cap_drop: ["ALL"],
    no_new_privileges: true,
    read_only_filesystem: true,
    seccomp_profile_path: "/seccomp.json",
    selinux_opts: ["disable"],
    mask: hidden,
    image_volume_mode: "ignore",
    use_image_hosts: true,
    use_image_resolve_conf: true,
    log_configuration: { driver: "none" },
    shm_size: tmpBytes,
    resource_limits: {
      memory: { limit: memoryBytes, swap: memoryBytes },
      pids: { limit: 64 },
      cpu: { quota: 50_000, period: 100_000 },
      blockIO: {
        throttleReadBpsDevice: [{ major: 8, minor: 16, rate: 4_194_304 }],
        throttleWriteBpsDevice: [{ major: 8, minor: 16, rate: 1_048_576 }],
        throttleReadIOPSDevice: [{ major: 8, minor: 16, rate: 400 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 100 }],
      },
    },
    r_limits: [
      { type: "core", soft: 0, hard: 0 },
      { type: "nofile", soft: 4096, hard: 16_384 },
      { type: "nproc", soft: 16_384, hard: 16_384 },
    ],
    mounts: [
      {
        ...{ destination: "/tmp", source: "tmpfs", type: "tmpfs" },
        options: [`size=${tmpBytes}`, "mode=1777", "nosuid", "nodev"],
      },
      ...(uid === 0 ? ownDev : []),
      bound("/usr", "/usr", ["rbind", "ro", "nosuid", "nodev"]),
      bound("/etc", "/workspace", ["rbind", "rw", "nosuid", "nodev"]),
    ],
  });
});

/** A complete /dev, so that no runtime creates another one or mounts the machine's devices writable. */
const ownDev: readonly Fields[] = [
  bound("/root/dev", "/dev", ["bind", "ro", "nosuid", "noexec"]),
  bound("/dev/null", "/dev/null", ["bind", "ro", "dev", "nosuid", "noexec"]),
  {
    ...{ destination: "/dev/shm", source: "tmpfs", type: "tmpfs" },
    options: [`size=${tmpBytes}`, "mode=1777", "nodev", "nosuid", "noexec"],
  },
];

function bound(source: string, destination: string, options: readonly string[]): Fields {
  return { destination, source, type: "bind", options };
}

test("docker receives every protection", () => {
  for (const isPodman of [false, true]) {
    const container = dockerContainer({
      ...{ spec, labels: { ...labels }, seccompFile: "/seccomp.json", seccomp: "{}", image: "x", isPodman },
      disks,
    }) as { HostConfig: Fields };
    const { HostConfig, ...rest } = container;
    assert.deepEqual(told({ ...rest, Mounts: [] }, "Mounts", "Target"), {
      ...{ Image: "x", WorkingDir: "/", User: `${uid}:${gid}`, Hostname: "jail", Labels: labels },
      ...{ OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true },
      ...{ Tty: false, NetworkDisabled: true, Mounts: [] },
    });
    const { MaskedPaths, ...own } = told(HostConfig, "Mounts", "Target");
    assert.deepEqual(own, hostConfig(isPodman));
    // Docker's own list is replaced by ours, so ours has what is on it.
    const usual = [
      "/proc/kcore",
      "/proc/keys",
      "/proc/timer_list",
      "/proc/scsi",
      "/proc/acpi",
      "/proc/asound",
    ];
    const more = [
      "/proc/interrupts",
      "/proc/latency_stats",
      "/proc/timer_stats",
      ...[
        "/sys",
        "/proc/cmdline",
        "/proc/config.gz",
        "/proc/kallsyms",
        "/proc/key-users",
        "/proc/sched_debug",
      ],
    ];
    assert.deepEqual(
      isPodman ? MaskedPaths : (MaskedPaths as string[]).toSorted(),
      isPodman ? undefined : [...usual, ...more].toSorted(),
    );
  }
});

/** Beside what the engine hides by itself. */
const hidden = [
  "/sys",
  ...["cmdline", "config.gz", "kallsyms", "kcore", "key-users", "keys", "sched_debug", "timer_list"].map(
    (name) => `/proc/${name}`,
  ),
];

function hostConfig(isPodman: boolean): Fields {
  return {
    NetworkMode: "none",
    IpcMode: "private",
    CgroupnsMode: "private",
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: [
      ...["no-new-privileges", "label=disable"],
      ...(isPodman ? ["seccomp=/seccomp.json", `mask=${hidden.join(":")}`] : ["seccomp={}"]),
    ],
    LogConfig: { Type: "none", Config: {} },
    Init: false,
    ...{ Memory: memoryBytes, MemorySwap: memoryBytes, PidsLimit: 64 },
    ...{ CpuPeriod: 100_000, CpuQuota: 50_000 },
    BlkioDeviceReadBps: [{ Path: "/dev/sdb", Rate: 4_194_304 }],
    BlkioDeviceWriteBps: [{ Path: "/dev/sdb", Rate: 1_048_576 }],
    BlkioDeviceReadIOps: [{ Path: "/dev/sdb", Rate: 400 }],
    BlkioDeviceWriteIOps: [{ Path: "/dev/sdb", Rate: 100 }],
    Ulimits: [
      { Name: "core", Soft: 0, Hard: 0 },
      { Name: "nofile", Soft: 4096, Hard: 16_384 },
      { Name: "nproc", Soft: 16_384, Hard: 16_384 },
    ],
    ShmSize: tmpBytes,
    Tmpfs: {
      "/tmp": `size=${tmpBytes},mode=1777,nosuid,nodev`,
      ...(uid === 0
        ? {
            "/dev": "size=65536,mode=755,ro,dev,nosuid,noexec",
            "/dev/shm": `size=${tmpBytes},mode=1777,nosuid,nodev,noexec`,
          }
        : {}),
      ...Object.fromEntries(
        usrConfigDirectories().map((path) => [
          path,
          `ro,nosuid,nodev,noexec,mode=755,size=65536${isPodman ? ",notmpcopyup" : ""}`,
        ]),
      ),
    },
    Mounts: [
      { Type: "bind", Source: "/usr", Target: "/usr", ReadOnly: true },
      { Type: "bind", Source: "/etc", Target: "/workspace", ReadOnly: false },
    ],
  };
}

test("gVisor receives every protection", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bundle-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeBundle({ spec, directory, filter: Buffer.alloc(8), user: { uid: 0, gid: 0 } });
  const config = JSON.parse(readFileSync(join(directory, "config.json"), "utf8")) as Fields;
  const { args: _args, ...process } = config["process"] as Fields;
  const none: string[] = [];
  const temporary = ["nosuid", "nodev", "mode=1777", `size=${tmpBytes}`];
  assert.deepEqual(told({ ...config, process }, "mounts", "destination"), {
    ociVersion: "1.0.2",
    process: {
      ...{ user: { uid: 0, gid: 0 }, env: none, cwd: "/", noNewPrivileges: true },
      capabilities: { bounding: none, effective: none, inheritable: none, permitted: none, ambient: none },
      rlimits: [{ type: "RLIMIT_CORE", hard: 0, soft: 0 }],
    },
    root: { path: "rootfs", readonly: true },
    hostname: "jail",
    mounts: [
      { ...bound("proc", "/proc", ["ro", "nosuid", "nodev", "noexec"]), type: "proc" },
      { ...bound("tmpfs", "/dev", ["nosuid", "size=65536"]), type: "tmpfs" },
      { ...bound("tmpfs", "/dev/shm", temporary), type: "tmpfs" },
      { ...bound("tmpfs", "/tmp", temporary), type: "tmpfs" },
      bound("/usr", "/usr", ["rbind", "nosuid", "nodev", "ro"]),
      bound("/etc", "/workspace", ["rbind", "nosuid", "nodev", "rw"]),
    ],
    linux: { namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })) },
  });
});
