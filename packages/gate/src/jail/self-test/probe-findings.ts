import { readFileSync, readlinkSync } from "node:fs";
import { confinesSignals, type LandlockSupport } from "../confinement/landlock.ts";
import type { Guarantee, GuaranteeName } from "../jail.ts";
import type { CgroupSupport } from "../resources/cgroups.ts";

/** What the self-test needs to know of its driver. */
export interface Subject {
  readonly absentLimits: CgroupSupport["absent"];
  /** Version of the control groups that bound reads and writes of disks, where that is not absent. */
  readonly throttling?: 1 | 2 | undefined;
  /** Which kernel answers the probe: the host's (by default), one in user space, or the one of a machine of its own. */
  readonly view?: "host" | "gvisor" | "machine";
  /** True where jails have the host's user namespace, and lack capabilities in it. */
  readonly sharesUsers?: boolean;
  readonly landlock: LandlockSupport;
  /** True where /dev is read-only as a whole; elsewhere it belongs to a user that a jail is not. */
  readonly devicesReadOnly?: boolean;
}

/** What the probe said in a jail: lines of name=value, a name possibly several times. */
export class Findings {
  readonly #values = new Map<string, string[]>();

  constructor(output: string) {
    for (const line of output.split("\n")) {
      const at = line.indexOf("=");
      if (at < 0) continue;
      const name = line.slice(0, at);
      this.#values.set(name, [...(this.#values.get(name) ?? []), line.slice(at + 1).trim()]);
    }
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  one(name: string): string {
    return this.all(name)[0] ?? "";
  }
}

type Verdict = (name: GuaranteeName, faults: readonly (string | false)[], good: string) => Guarantee;

/** What was seen in a jail, as guarantees. */
export function judge(found: Findings, canary: string, subject: Subject): Guarantee[] {
  const complete = found.one("done") === "yes";
  const verdict: Verdict = (name, faults, good) => {
    const real = faults.filter((fault) => fault !== false);
    if (!complete) return { name, held: false, detail: "the probe did not run to its end" };
    return { name, held: real.length === 0, detail: real.length === 0 ? good : real.join("; ") };
  };
  const gvisor = subject.view === "gvisor";
  // A kernel of its own gives its own names to namespaces; there the host's view counts.
  const own = (ns: string) => found.one(gvisor ? `host_ns_${ns}` : `ns_${ns}`);
  const shared = (ns: string) => {
    // Behind another kernel nothing is the host's, whatever it is called there.
    if (subject.view === "machine") return sharedKernel(found);
    if (own(ns) === readlinkSync(`/proc/self/ns/${ns}`)) return `shares the host's ${ns} namespace`;
    return own(ns) === "" && `its ${ns} namespace was not seen`;
  };
  return [
    ...surroundings(found, verdict, shared, subject, canary),
    ...rights(found, verdict, subject.sharesUsers !== true && shared("user"), subject.view),
    ...inheritance(found, verdict, `PATH=/usr/bin:/bin CANARY=${canary} PWD=/`),
    landlocked(found, verdict, subject.landlock),
  ];
}

/** A kernel names itself anew each time that it starts. */
function sharedKernel(found: Findings): string | false {
  const boot = found.one("boot");
  if (boot === "") return "its kernel did not name itself";
  return boot === hostBoot() && "the host's kernel answers it";
}

/** Undefined where the host is no Linux: then no kernel that is can be the host's. */
function hostBoot(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Interfaces that may lead out. A machine of its own has those of its kernel too, which nobody has switched on. */
function waysOut(found: Findings, { view }: Subject): string {
  const off = view === "machine" ? found.all("down") : [];
  const names = found.one("interfaces").split(" ");
  return names.filter((name) => !off.includes(name)).join(" ");
}

function surroundings(
  found: Findings,
  verdict: Verdict,
  shared: (ns: string) => string | false,
  subject: Subject,
  canary: string,
): Guarantee[] {
  const gvisor = subject.view === "gvisor";
  const machine = subject.view === "machine";
  const interfaces = waysOut(found, subject);
  return [
    verdict(
      "network.none",
      [
        shared("net"),
        interfaces !== "lo" && `interfaces: ${interfaces}`,
        found.one("routes") !== "0" && "there are routes",
      ],
      "only the loopback interface, no routes",
    ),
    verdict(
      "filesystem.read_only_root",
      [
        ...found
          .all("writable")
          // There it is a small memory of gVisor's own kernel, and holds none of the host's devices.
          .filter((path) => !(gvisor && path === "/dev"))
          .map((path) => `${path} is writable`),
        ...found
          .all("mounted_rw")
          .filter((path) => !gvisor && (path !== "/dev" || subject.devicesReadOnly === true))
          .map((path) => `${path} is not mounted read-only`),
      ],
      gvisor ? "/, /usr, /etc and /proc refuse writes" : "/, /usr, /etc, /dev and /proc refuse writes",
    ),
    verdict(
      "filesystem.mounts_only",
      [
        shared("mnt"),
        ...found
          .all("visible")
          // What gVisor shows there is its own; the root of a machine is an image, of which nothing is the host's.
          .filter((path) => !(gvisor && path === "/sys/kernel") && !(machine && path !== canary))
          .map((path) => `${path} is visible`),
        ...found.all("reads").map((device) => `${device} can be read past the files on it`),
      ],
      machine ? "a root of its own, and no host file outside the mounts" : "no host file outside the mounts",
    ),
    gvisor || machine
      ? verdict(
          "processes.hidden",
          [
            shared("ipc"),
            // The probe, its first process and what it runs.
            found.one("pids").split(" ").length > 6 && `sees processes ${found.one("pids")}`,
          ],
          "a process table of its own, in a kernel of its own",
        )
      : verdict("processes.hidden", [shared("pid"), shared("ipc")], "own pid and ipc namespaces"),
  ];
}

function rights(
  found: Findings,
  verdict: Verdict,
  sharedUsers: string | false,
  view: Subject["view"],
): Guarantee[] {
  const capabilities = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].filter(
    // gVisor knows no ambient ones and does not name them.
    (set) =>
      !/^0+$/.test(found.one(set)) && !(view === "gvisor" && set === "CapAmb" && found.one(set) === ""),
  );
  return [
    verdict(
      "privileges.none",
      [
        sharedUsers,
        // The disks of a machine belong to its user 0.
        view === "machine" && (found.one("uid") || "0") === "0" && "is user 0 of its machine",
        capabilities.length > 0 && `has capabilities (${capabilities.join(", ")})`,
        found.one("NoNewPrivs") !== "1" && "no_new_privs is off",
      ],
      "no capabilities, no_new_privs",
    ),
    verdict(
      "namespaces.sealed",
      found.all("unshare").map((kind) => `a new ${kind} namespace could be made`),
      "no new namespaces",
    ),
    verdict("syscalls.filtered", [found.one("Seccomp") !== "2" && "no filter"], "seccomp filter in force"),
  ];
}

/** What nothing but Landlock refuses in a jail is refused. */
function landlocked(found: Findings, verdict: Verdict, support: LandlockSupport): Guarantee {
  const name = "access.landlocked";
  if ("absent" in support) return { name, held: false, detail: support.absent };
  const signals = confinesSignals(support.abi);
  return verdict(
    name,
    found
      .all("beyond")
      .filter((what) => signals || what !== "signals its first process")
      .map((what) => `a process ${what}`),
    `Landlock ${support.abi}: files and devices again${signals ? ", signals and abstract sockets" : ""}`,
  );
}

function inheritance(found: Findings, verdict: Verdict, expected: string): Guarantee[] {
  const sorted = (words: string) => words.split(" ").filter(Boolean).sort().join(" ");
  return [
    verdict(
      "environment.exact",
      [
        sorted(found.one("env")) !== sorted(expected) && "the command inherited variables",
        inherited(found.one("init_env"), expected) &&
          `the first process has ${inherited(found.one("init_env"), expected)}`,
      ],
      "only what the spec names",
    ),
    verdict(
      "descriptors.closed",
      [
        sorted(found.one("fds")) !== "0 1 2" && `open descriptors: ${found.one("fds")}`,
        openBeyond(found.one("init_fds")) && `open in the first process: ${found.one("init_fds")}`,
      ],
      "only 0, 1 and 2 are open",
    ),
  ];
}

/** Names of variables of the first process beyond its mark, what the spec names, and what a shell sets. */
function inherited(environment: string, expected: string): string | false {
  const others = environment
    .split(" ")
    .filter((entry) => !expected.split(" ").includes(entry))
    .map((entry) => entry.split("=", 1)[0] ?? "")
    .filter((name) => name !== "" && !["HOLDFAST_JAIL", "PWD", "OLDPWD", "_", "SHLVL"].includes(name));
  return others.length > 0 && others.join(", ");
}

/** bwrap's own first process may keep one event descriptor of the jail itself. */
function openBeyond(list: string): boolean {
  return list.split(" ").filter((fd) => Number(fd) > 2).length > 1;
}
