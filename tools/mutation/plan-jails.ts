/**
 * Mutants of the jails: everything that each driver grants and denies, taken from its actual arguments and
 * specifications.
 */
import { bwrapArguments } from "../../packages/gate/src/jail/bubblewrap/bwrap-arguments.ts";
import { dockerContainer } from "../../packages/gate/src/jail/engine/docker-spec.ts";
import { podmanContainer } from "../../packages/gate/src/jail/engine/podman-spec.ts";
import type { JailSpec } from "../../packages/gate/src/jail/jail.ts";
import { bundleConfig } from "../../packages/gate/src/jail/oci/oci-bundle.ts";
import type { Check } from "./check.ts";
import {
  placesOf,
  withEdits,
  withoutArgument,
  withoutEntries,
  withoutLimits,
  withoutPlace,
  withoutRows,
} from "./mutant.ts";
import { attacks, beside, gate, guards, limits, mutants, type Planned, read, test } from "./planned.ts";

/** How many operands each argument of bwrap has. */
const operands: Readonly<Record<string, number>> = {
  "--bind": 2,
  "--cap-drop": 1,
  "--chdir": 1,
  "--dev": 1,
  "--dev-bind": 2,
  "--dir": 1,
  "--gid": 1,
  "--hostname": 1,
  "--json-status-fd": 1,
  "--perms": 1,
  "--proc": 1,
  "--remount-ro": 1,
  "--ro-bind": 2,
  "--seccomp": 1,
  "--setenv": 2,
  "--size": 1,
  "--symlink": 2,
  "--tmpfs": 1,
  "--uid": 1,
};

/** Arguments that are there so that programs work: without them less is possible, not more. */
const conveniences = new Set(["--chdir", "--dir", "--json-status-fd", "--setenv", "--symlink"]);

/** Which checks look at which argument; "*" stands for any operand. */
const seen = test("jail-arguments");
const dies = test("jails", "its jails die when it is killed");
const argumentChecks: Readonly<Record<string, readonly Check[]>> = {
  "--unshare-user": [seen],
  "--unshare-ipc": [seen],
  "--unshare-uts": [seen],
  "--unshare-cgroup": [seen],
  "--unshare-pid": [seen, attacks("secrets.processes")],
  "--unshare-net": [seen, attacks("network.tcp", "kernel.abstract_sockets")],
  "--disable-userns": [seen],
  "--uid": [seen],
  "--gid": [seen],
  "--hostname": [seen],
  "--die-with-parent": [dies, test("jails")],
  "--new-session": [seen],
  "--cap-drop": [seen, attacks("kernel.setuid")],
  "--clearenv": [seen, attacks("kernel.host_sockets"), test("jails")],
  "--seccomp": [seen, attacks("kernel.interfaces")],
  "--remount-ro": [seen, attacks("filesystem.system", "kernel.write_proc")],
  "--proc": [seen],
  "--dev": [seen],
  "--dev-bind": [test("jails", "has devices that can be used")],
  "--perms": [seen],
  "--size": [seen, attacks("filesystem.fill")],
  "--tmpfs": [seen, attacks("filesystem.fill")],
  "--ro-bind": [seen],
};

const spec: JailSpec = {
  id: "x",
  command: "true",
  args: [],
  cwd: "/",
  env: {},
  mounts: [],
  network: "none",
  limits: {
    ...{ memoryBytes: 2 ** 28, pids: 64, cpus: 1, tmpBytes: 2 ** 20 },
    ...{ diskReadBytesPerSecond: 2 ** 22, diskWriteBytesPerSecond: 2 ** 20 },
    ...{ diskReadsPerSecond: 400, diskWritesPerSecond: 100 },
  },
};

/** Every argument that a jail of bubblewrap gets, each taken away. Throws for one that this list does not know. */
function bubblewrap(): Planned[] {
  const file = `${gate}jail/bubblewrap/bwrap-arguments.ts`;
  const text = read(file);
  const args = bwrapArguments({ spec, etcDir: "/etc-dir", devicesDir: "/devices-dir" });
  const keys = new Map<string, readonly string[]>();
  for (let at = 0; at < args.length; ) {
    const flag = args[at] ?? "";
    const count = operands[flag] ?? 0;
    const values = args.slice(at + 1, at + 1 + count);
    at += 1 + count;
    if (conveniences.has(flag)) continue;
    // Mounts of single files of /etc and of empty files over /proc are one protection each.
    if (flag === "--ro-bind" && values[0] !== "/dev/null") continue;
    const key =
      flag === "--seccomp" || flag === "--size"
        ? [flag, "*"]
        : flag === "--dev-bind"
          ? [flag, "*", values[1] ?? ""]
          : [flag, ...values];
    keys.set(key.join(" "), key);
  }
  return [...keys.values()].map((key) => {
    const checks = argumentChecks[key[0] ?? ""];
    if (!checks) throw new Error(`No check is named for the jail argument ${key.join(" ")}`);
    return { ...withoutArgument(file, text, key), id: `jail argument ${key.join(" ")}`, checks };
  });
}

interface Description {
  readonly driver: "podman" | "docker" | "gvisor";
  readonly file: string;
  /** The function that gives the description. */
  readonly name: string;
  readonly value: unknown;
  /** Beginnings of places without which a jail can do less, or does not start. */
  readonly needed: readonly string[];
}

const labels = { "dev.holdfast.gate": "x" };
/** The mounts that are described one by one; the others are described by the same line as /usr. */
const told = new Set(["/proc", "/dev", "/dev/null", "/dev/shm", "/tmp", "/usr"]);

function descriptions(): Description[] {
  const disks = [{ major: 8, minor: 0, path: "/dev/sda" }];
  const container = { spec, labels, disks, seccompFile: "/seccomp.json" };
  return [
    {
      driver: "podman",
      file: `${gate}jail/engine/podman-spec.ts`,
      name: "podmanContainer",
      value: podmanContainer({ ...container, root: "/root" }),
      needed: ["rootfs", "command", "work_dir", "stdin", "terminal"],
    },
    {
      driver: "docker",
      file: `${gate}jail/engine/docker-spec.ts`,
      name: "dockerContainer",
      value: dockerContainer({ ...container, seccomp: "{}", image: "x", isPodman: false }),
      needed: ["Image", "Entrypoint", "Cmd", "WorkingDir", "OpenStdin", "StdinOnce", "Attach", "Tty"],
    },
    {
      driver: "gvisor",
      file: `${gate}jail/oci/oci-bundle.ts`,
      name: "bundleConfig",
      value: bundleConfig({ spec, filter: Buffer.alloc(8), user: { uid: 0, gid: 0 } }),
      needed: ["ociVersion", "process args", "process cwd", "process env", "root path"],
    },
  ];
}

/** Everything that a description says, each taken out. */
function described({ driver, file, name, value, needed }: Description): Planned[] {
  const text = read(file);
  // What each engine does with it is seen in real jails, by the conformance suite and the attacks.
  const checks = [beside("jail/runtime-specs"), test("jail-drivers", `^jails of ${driver}`)];
  return placesOf(value).flatMap((place) => {
    const at = place.findIndex((each) => each.toLowerCase() === "mounts");
    if (at >= 0 && !told.has(place[at + 1] ?? "")) return [];
    if (needed.some((beginning) => place.join(" ").startsWith(beginning))) return [];
    const mutant = withoutPlace(file, text, name, place);
    return [{ ...mutant, id: `${driver} ${mutant.id}`, checks }];
  });
}

/** The filter of system calls, as it is compiled and as container engines take it. */
function filters(): Planned[] {
  return [
    ...mutants([beside("jail/confinement/seccomp")], `${gate}jail/confinement/seccomp.ts`, (file, text) =>
      withoutRows(file, text, "refused"),
    ),
    ...guards([beside("jail/confinement/seccomp")], "jail/confinement/seccomp"),
    ...mutants(
      [beside("jail/confinement/seccomp")],
      `${gate}jail/confinement/seccomp.ts`,
      withEdits([
        ["the architecture", "ret(action.kill),\n    load(0)", "ret(action.allow),\n    load(0)"],
        ["x32", "ret(action.errno(enosys)),\n  ];", "ret(action.allow),\n  ];"],
        ["clone3", "program.push(...when(nr.clone3, [ret(action.errno(enosys))]));", ""],
        ["new namespaces", "[code.anyBit, 0, 1, newNamespaces]", "[code.anyBit, 0, 1, 0]"],
        ["TIOCSTI", "[tiocsti, tioclinux, tiocsetd]", "[tioclinux, tiocsetd]"],
        ["TIOCLINUX", "[tiocsti, tioclinux, tiocsetd]", "[tiocsti, tiocsetd]"],
        ["TIOCSETD", "[tiocsti, tioclinux, tiocsetd]", "[tiocsti, tioclinux]"],
        ["personality", "whenEqual([0, 0xffffffff], action.allow), ret(denied)", "ret(action.allow)"],
        [
          "families of sockets",
          "    ...internet,\n    ret(denied),",
          "    ...internet,\n    ret(action.allow),",
        ],
        ["Unix sockets", "unixSockets ? [family.unix] : []", "[family.unix]"],
        ["types of sockets", "[code.equal, 1, 0, 2],\n    ret(denied),", "[code.equal, 1, 0, 2],"],
        [
          "protocols of sockets",
          "whenEqual([0, 6, 17], action.allow),\n    ret(denied)",
          "whenEqual([0, 6, 17], action.allow),\n    ret(action.allow)",
        ],
        ["netlink protocols", "whenEqual([0], action.allow), ret(denied)", "ret(action.allow)"],
        [
          "pairs of sockets",
          "whenEqual([family.unix], action.allow), ret(denied)]),",
          "ret(action.allow)]),",
        ],
        ["devices", "whenEqual(devices, denied)", "whenEqual([], denied)"],
      ]),
    ),
    ...mutants(
      [beside("jail/oci/oci-seccomp")],
      `${gate}jail/oci/oci-seccomp.ts`,
      withEdits([
        ["the list", "[...refusedCalls(arch).keys()]", "[]"],
        ["clone3", '["clone3"]', "[]"],
        ["new namespaces", "...newNamespaces.map", "...[].map"],
        ["terminals", "...terminalRequests.map", "...[].map"],
        ["personality", 'deny("personality", not(0, 0)),', ""],
        ["sockets", "...socketRules(options),", ""],
        ["Unix sockets", 'rules.push(deny("socket", equal(0, family.unix)));', ""],
        ["families of sockets", 'anyBut("socket", 0, Object.values(family))', "[]"],
        [
          "types of sockets",
          'rules.push(deny("socket", equal(0, domain), masked(1, 0xf, type)));',
          "void [domain, type];",
        ],
        ["protocols of sockets", 'rules.push(...anyBut("socket", 2, [0, 6, 17], equal(0, domain)));', ""],
        ["netlink protocols", 'rules.push(deny("socket", equal(0, family.netlink), not(2, 0)));', ""],
        ["pairs of sockets", 'deny("socketpair", not(0, family.unix)),', ""],
        ["devices", "...devices.flatMap", "...[].flatMap"],
        ["upper bits", "deny(name, ...also, from(index, end)),", ""],
      ]),
    ),
  ];
}

export function jails(): Planned[] {
  const engines = ["podman", "docker"].map((driver) => test("jail-drivers", `^jails of ${driver}`));
  return [
    ...bubblewrap(),
    ...descriptions().flatMap(described),
    ...mutants(
      [test("jail-drivers", "^jails of gvisor")],
      `${gate}jail/gvisor/gvisor-driver.ts`,
      (file, text) => withoutEntries(file, text, "runscFlags"),
    ),
    ...filters(),
    ...mutants([test("jail-spec"), limits], `${gate}jail/jail-spec.ts`, (file, text) => [
      ...withoutEntries(file, text, "ownedByJail"),
      ...withoutLimits(file, text, "jailLimits"),
    ]),
    ...guards([test("jail-spec"), test("jail-drivers", "^jails of gvisor")], "jail/jail-spec"),
    ...guards(
      [
        test("jail-refusals"),
        test("jails", "does not claim|refuses each jail|nothing starts"),
        test("jails"),
      ],
      ..."guarantees self-test/proven-guarantees open-driver unsafe-driver jail-registry bubblewrap/bubblewrap-driver probe-drivers"
        .split(" ")
        .map(jailPart),
    ),
    ...guards([test("jail-late-proof")], jailPart("late-proof-driver")),
    ...guards([beside("jail/resources/disk-throttling")], jailPart("resources/disk-throttling")),
    ...mutants(
      [beside("jail/resources/disk-throttling"), test("jail-refusals")],
      `${gate}jail/resources/disk-throttling.ts`,
      withEdits([
        ["the whole disk", 'existsSync(join(own, "partition")) ? dirname(own) : own', "own"],
        ["bounds that need a guarantee", "return rateLimitsIn(limits).length > 0;", "return Date.now() < 0;"],
      ]),
    ),
    ...mutants(
      [test("jail-refusals")],
      `${gate}jail/guarantees.ts`,
      withEdits([["what bounds of reads and writes need", ", ...impliedGuarantees(spec)])", "])"]]),
    ),
    ...guards(
      [test("install"), test("no-descriptors"), test("jails")],
      jailPart("bubblewrap/bwrap-program"),
      jailPart("jail-errors"),
    ),
    ...guards([test("no-descriptors"), test("jails")], jailPart("bubblewrap/bwrap-process")),
    ...guards([test("jails")], jailPart("host/processes")),
    ...guards([beside("jail/self-test/probe-findings"), test("jails")], jailPart("self-test/probe-findings")),
    ...mutants(
      [dies],
      `${gate}jail/bubblewrap/bwrap-process.ts`,
      withEdits([["what the host inherited", "[bwrapFds.args, ...inherited]", "[bwrapFds.args]"]]),
    ),
    ...guards([test("install")], jailPart("bubblewrap/install")),
    ...guards(
      [test("jail-refusals"), test("no-descriptors"), test("jail-drivers", "^jails of gvisor")],
      ...["gvisor/gvisor-driver", "gvisor/gvisor-process"].map(jailPart),
    ),
    ...guards(
      [test("jail-refusals"), ...engines],
      ...["docker-image", "engine-client", "engine-driver"].map((name) => `jail/engine/${name}`),
    ),
    ...machines(),
  ];
}

/** Jails of Apple's container, with the emulator of the program. */
function machines(): Planned[] {
  const own = test("jail-apple-container");
  const conformance = test("jail-drivers", "^jails of apple-container");
  const file = (name: string) => `${gate}jail/apple/${name}.ts`;
  return [
    ...guards(
      [own, test("no-descriptors"), conformance],
      ...["apple-container-driver", "container-program", "machine"].map((name) => `jail/apple/${name}`),
    ),
    ...mutants([limits, own], file("run-arguments"), (path, text) =>
      withoutLimits(path, text, "machineLimits"),
    ),
    ...mutants(
      [conformance],
      file("run-arguments"),
      withEdits([
        ["no network", '"--network", "none", ', ""],
        ["a read-only root", '"--read-only", ', ""],
        ["no capabilities", ', "--cap-drop", "ALL"', ""],
        ["the user", '"--uid", String(user.uid), ', ""],
        ["the filter", "filter: buildSeccompFilter(filterArch(), spec),", ""],
      ]),
    ),
    ...mutants([own], file("socket-relay"), withEdits([["a mode for all", "chmodSync(path, 0o777);", ""]])),
    ...mutants(
      [conformance],
      file("machine-watchdog"),
      withEdits([["the end of its machines", '"$1" delete --force "$name" ;;', ": ;;"]]),
    ),
  ];
}

const jailPart = (name: string) => `jail/${name}`;
