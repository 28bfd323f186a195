import { readFileSync, readlinkSync } from "node:fs";
import { confinesSignals, type LandlockSupport } from "../confinement/landlock.ts";
import type { Guarantee, GuaranteeName } from "../jail.ts";
import type { CgroupSupport } from "../resources/cgroups.ts";

/** The facts about a driver that its self-test depends on. */
export interface TestedDriver {
  readonly absentLimits: CgroupSupport["absent"];
  /** Version of the control groups that throttle disks; undefined where none does. */
  readonly throttling?: 1 | 2 | undefined;
  /** The kernel that the probe sees: the host's (by default), gVisor's, or that of a virtual machine. */
  readonly view?: "host" | "gvisor" | "machine";
  /** True where jails share the host's user namespace, without capabilities. */
  readonly sharesUsers?: boolean;
  readonly landlock: LandlockSupport;
  /** True where /dev is mounted read-only; elsewhere another user than that of the jail owns it. */
  readonly devicesReadOnly?: boolean;
}

/** The parsed output of the probe: lines of name=value, in which a name may occur several times. */
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

/** Turns the findings of the probe into guarantees. */
export function evaluateFindings(findings: Findings, canary: string, driver: TestedDriver): Guarantee[] {
  const complete = findings.one("done") === "yes";
  const verdict: Verdict = (name, faults, good) => {
    const real = faults.filter((fault) => fault !== false);
    if (!complete) return { name, held: false, detail: "the probe did not run to its end" };
    return { name, held: real.length === 0, detail: real.length === 0 ? good : real.join("; ") };
  };
  const gvisor = driver.view === "gvisor";
  // gVisor's kernel has namespace ids of its own, so the host's view counts.
  const own = (ns: string) => findings.one(gvisor ? `host_ns_${ns}` : `ns_${ns}`);
  const shared = (ns: string) => {
    // Namespace ids of a virtual machine say nothing about the host's.
    if (driver.view === "machine") return sharedKernel(findings);
    if (own(ns) === readlinkSync(`/proc/self/ns/${ns}`)) return `shares the host's ${ns} namespace`;
    return own(ns) === "" && `its ${ns} namespace could not be determined`;
  };
  return [
    ...surroundings(findings, verdict, shared, driver, canary),
    ...rights(findings, verdict, driver.sharesUsers !== true && shared("user"), driver.view),
    ...inheritance(findings, verdict, `PATH=/usr/bin:/bin CANARY=${canary} PWD=/`),
    landlocked(findings, verdict, driver.landlock),
  ];
}

/** True if the jail runs on the host's kernel, judged by the boot id, which changes with each boot. */
function sharedKernel(findings: Findings): string | false {
  const boot = findings.one("boot");
  if (boot === "") return "its kernel has no boot id";
  return boot === hostBoot() && "it runs on the host's kernel";
}

/** The host's boot id; undefined where the host is not Linux, so that the jail's kernel cannot be the host's. */
function hostBoot(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Network interfaces that are up, or could be. A virtual machine also has inactive ones of its kernel. */
function activeInterfaces(findings: Findings, { view }: TestedDriver): string {
  const off = view === "machine" ? findings.all("down") : [];
  const names = findings.one("interfaces").split(" ");
  return names.filter((name) => !off.includes(name)).join(" ");
}

function surroundings(
  findings: Findings,
  verdict: Verdict,
  shared: (ns: string) => string | false,
  driver: TestedDriver,
  canary: string,
): Guarantee[] {
  const gvisor = driver.view === "gvisor";
  const machine = driver.view === "machine";
  const interfaces = activeInterfaces(findings, driver);
  return [
    verdict(
      "network.none",
      [
        shared("net"),
        interfaces !== "lo" && `interfaces: ${interfaces}`,
        findings.one("routes") !== "0" && "there are routes",
      ],
      "only the loopback interface, no routes",
    ),
    verdict(
      "filesystem.read_only_root",
      [
        ...findings
          .all("writable")
          // In gVisor, /dev is a small tmpfs of its own kernel without devices of the host.
          .filter((path) => !(gvisor && path === "/dev"))
          .map((path) => `${path} is writable`),
        ...findings
          .all("mounted_rw")
          .filter((path) => !gvisor && (path !== "/dev" || driver.devicesReadOnly === true))
          .map((path) => `${path} is not mounted read-only`),
      ],
      gvisor ? "/, /usr, /etc and /proc refuse writes" : "/, /usr, /etc, /dev and /proc refuse writes",
    ),
    verdict(
      "filesystem.mounts_only",
      [
        shared("mnt"),
        ...findings
          .all("visible")
          // gVisor shows its own /sys/kernel; the root of a virtual machine is an image, not the host's.
          .filter((path) => !(gvisor && path === "/sys/kernel") && !(machine && path !== canary))
          .map((path) => `${path} is visible`),
        ...findings.all("reads").map((device) => `the block device ${device} can be read`),
      ],
      machine ? "a root of its own, and no host file outside the mounts" : "no host file outside the mounts",
    ),
    gvisor || machine
      ? verdict(
          "processes.hidden",
          [
            shared("ipc"),
            // At most the probe, the first process and the tools that the probe runs.
            findings.one("pids").split(" ").length > 6 && `sees processes ${findings.one("pids")}`,
          ],
          "a process table of its own, in a kernel of its own",
        )
      : verdict("processes.hidden", [shared("pid"), shared("ipc")], "own pid and ipc namespaces"),
  ];
}

function rights(
  findings: Findings,
  verdict: Verdict,
  sharedUsers: string | false,
  view: TestedDriver["view"],
): Guarantee[] {
  const capabilities = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].filter(
    // gVisor has no ambient capabilities.
    (set) =>
      !/^0+$/.test(findings.one(set)) && !(view === "gvisor" && set === "CapAmb" && findings.one(set) === ""),
  );
  return [
    verdict(
      "privileges.none",
      [
        sharedUsers,
        // User 0 of a virtual machine owns its disks.
        view === "machine" && (findings.one("uid") || "0") === "0" && "is user 0 of its machine",
        capabilities.length > 0 && `has capabilities (${capabilities.join(", ")})`,
        findings.one("NoNewPrivs") !== "1" && "no_new_privs is off",
      ],
      "no capabilities, no_new_privs",
    ),
    verdict(
      "namespaces.sealed",
      findings.all("unshare").map((kind) => `a new ${kind} namespace could be made`),
      "no new namespaces",
    ),
    verdict("syscalls.filtered", [findings.one("Seccomp") !== "2" && "no filter"], "seccomp filter in force"),
  ];
}

/** Checks what nothing but Landlock refuses in a jail. */
function landlocked(findings: Findings, verdict: Verdict, support: LandlockSupport): Guarantee {
  const name = "access.landlocked";
  if ("absent" in support) return { name, held: false, detail: support.absent };
  const signals = confinesSignals(support.abi);
  return verdict(
    name,
    findings
      .all("beyond")
      .filter((what) => signals || what !== "signals its first process")
      .map((what) => `a process ${what}`),
    `Landlock ${support.abi}: files and devices${signals ? ", signals and abstract sockets" : ""}`,
  );
}

function inheritance(findings: Findings, verdict: Verdict, expected: string): Guarantee[] {
  const sorted = (words: string) => words.split(" ").filter(Boolean).sort().join(" ");
  return [
    verdict(
      "environment.exact",
      [
        sorted(findings.one("env")) !== sorted(expected) && "the command inherited variables",
        inherited(findings.one("init_env"), expected) &&
          `the first process has ${inherited(findings.one("init_env"), expected)}`,
      ],
      "only what the spec names",
    ),
    verdict(
      "descriptors.closed",
      [
        sorted(findings.one("fds")) !== "0 1 2" && `open descriptors: ${findings.one("fds")}`,
        openBeyond(findings.one("init_fds")) && `open in the first process: ${findings.one("init_fds")}`,
      ],
      "only 0, 1 and 2 are open",
    ),
  ];
}

/** Variables of the first process besides its mark, those of the spec, and those that a shell sets. */
function inherited(environment: string, expected: string): string | false {
  const others = environment
    .split(" ")
    .filter((entry) => !expected.split(" ").includes(entry))
    .map((entry) => entry.split("=", 1)[0] ?? "")
    .filter((name) => name !== "" && !["HOLDFAST_JAIL", "PWD", "OLDPWD", "_", "SHLVL"].includes(name));
  return others.length > 0 && others.join(", ");
}

/** The first process of bwrap may keep one event descriptor of the jail itself. */
function openBeyond(list: string): boolean {
  return list.split(" ").filter((fd) => Number(fd) > 2).length > 1;
}
