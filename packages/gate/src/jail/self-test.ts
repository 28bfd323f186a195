import { randomBytes } from "node:crypto";
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { CgroupSupport } from "./cgroups.ts";
import type { Guarantee, GuaranteeName, Jail, JailSpec, SelfTestReport } from "./jail.ts";
import { processesIn, ticksNow } from "./processes.ts";

/** What the self-test needs to know of its driver. */
interface Subject {
  readonly absentLimits: CgroupSupport["absent"];
}

type Launch = (spec: JailSpec) => Promise<Jail>;

/** Looks at the jail from inside, with nothing but a shell and the core utilities. */
const probe = `
# In subshells, since a redirection opens descriptors in the very shell that is looked at.
(exec ls /proc/$$/fd >/tmp/fds)
# The first process closes what it needed for the setup while the command already starts.
for try in 1 2 3 4 5 6 7 8 9 10; do
  (exec ls /proc/1/fd >/tmp/init_fds 2>/dev/null)
  if [ "$(wc -l </tmp/init_fds)" -le 4 ]; then break; fi
  sleep 0.05
done
echo "fds=$(tr '\\n' ' ' </tmp/fds)"
echo "init_fds=$(tr '\\n' ' ' </tmp/init_fds)"
echo "env=$(tr '\\0' ' ' </proc/$$/environ)"
echo "init_env=$(tr '\\0' ' ' </proc/1/environ 2>/dev/null)"
for ns in pid net mnt user ipc uts cgroup; do echo "ns_$ns=$(readlink /proc/self/ns/$ns)"; done
echo "interfaces=$(sed -n 's/^ *\\([^: ]*\\):.*/\\1/p' /proc/net/dev | tr '\\n' ' ')"
echo "routes=$(tail -n +2 /proc/net/route | wc -l)"
sed -n 's/^\\(CapInh\\|CapPrm\\|CapEff\\|CapBnd\\|CapAmb\\|NoNewPrivs\\|Seccomp\\):[[:space:]]*/\\1=/p' /proc/self/status
for path in / /usr /usr/bin /etc /dev /proc /home; do
  if (: >"$path/holdfast-probe") 2>/dev/null; then echo "writable=$path"; fi
done
if (echo probe >/proc/sys/kernel/domainname) 2>/dev/null; then echo "writable=/proc/sys"; fi
for path in "$CANARY" /root /sys /boot /etc/shadow /etc/ssl/private /var/lib /run/user; do
  if [ -e "$path" ]; then echo "visible=$path"; fi
done
if unshare --user true 2>/dev/null; then echo "unshare=user"; fi
if unshare --mount true 2>/dev/null; then echo "unshare=mount"; fi
echo "done=yes"
`;

class Findings {
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

/** Proves each guarantee on this machine, from inside real jails. */
export async function runSelfTest(subject: Subject, launch: Launch): Promise<SelfTestReport> {
  const started = performance.now();
  const directory = mkdtempSync(join(tmpdir(), "holdfast-probe-"));
  const id = (part: string) => `selftest-${part}-${randomBytes(4).toString("hex")}`;
  try {
    const canary = join(directory, "canary");
    writeFileSync(canary, "canary");
    const base = { command: "/bin/sh", cwd: "/", mounts: [], network: "none" } as const;
    const env = { PATH: "/usr/bin:/bin", CANARY: canary };
    const probes = [
      look(launch, { ...base, id: id("look"), args: ["-c", probe], env }),
      checkStop(launch, { ...base, id: id("stop"), args: ["-c", daemons], env: { PATH: "/usr/bin:/bin" } }),
      subject.absentLimits.memory ?? checkMemory(launch, { ...base, id: id("memory"), args: [], env }),
      subject.absentLimits.pids ?? checkPids(launch, { ...base, id: id("pids"), args: [], env }),
    ] as const;
    // Where one cannot start the others cannot either; all have ended before this does.
    await Promise.allSettled(probes);
    const [findings, stopped, memory, pids] = await Promise.all(probes);
    const guarantees = [
      ...judge(findings, canary),
      stopped,
      limit("limits.memory", memory),
      limit("limits.pids", pids),
      limit("limits.cpu", subject.absentLimits.cpu ?? true),
    ];
    const ok = guarantees.every((each) => each.held || each.name.startsWith("limits."));
    return { ok, guarantees, durationMs: Math.round(performance.now() - started) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function limit(name: GuaranteeName, outcome: true | string): Guarantee {
  return outcome === true
    ? { name, held: true, detail: "set by control groups" }
    : { name, held: false, detail: outcome };
}

async function look(launch: Launch, spec: JailSpec): Promise<Findings> {
  const jail = await launch(spec);
  jail.stdin.end();
  jail.stderr.resume();
  const [output] = await Promise.all([text(jail.stdout), jail.exited]);
  return new Findings(output);
}

function judge(found: Findings, canary: string): Guarantee[] {
  const complete = found.one("done") === "yes";
  const verdict = (name: GuaranteeName, faults: readonly (string | false)[], good: string): Guarantee => {
    const real = faults.filter((fault) => fault !== false);
    if (!complete) return { name, held: false, detail: "the probe did not run to its end" };
    return { name, held: real.length === 0, detail: real.length === 0 ? good : real.join("; ") };
  };
  const shared = (ns: string) =>
    found.one(`ns_${ns}`) === readlinkSync(`/proc/self/ns/${ns}`) && `shares the host's ${ns} namespace`;
  const capabilities = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].filter(
    (set) => !/^0+$/.test(found.one(set)),
  );
  const expected = `PATH=/usr/bin:/bin CANARY=${canary} PWD=/`;
  const sorted = (words: string) => words.split(" ").filter(Boolean).sort().join(" ");
  return [
    verdict(
      "network.none",
      [
        shared("net"),
        found.one("interfaces") !== "lo" && `interfaces: ${found.one("interfaces")}`,
        found.one("routes") !== "0" && "there are routes",
      ],
      "only the loopback interface, no routes",
    ),
    verdict(
      "filesystem.read_only_root",
      found.all("writable").map((path) => `${path} is writable`),
      "/, /usr, /etc, /dev and /proc refuse writes",
    ),
    verdict(
      "filesystem.mounts_only",
      [shared("mnt"), ...found.all("visible").map((path) => `${path} is visible`)],
      "no host file outside the mounts",
    ),
    verdict("processes.hidden", [shared("pid"), shared("ipc")], "own pid and ipc namespaces"),
    verdict(
      "privileges.none",
      [
        shared("user"),
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
    verdict(
      "environment.exact",
      [
        sorted(found.one("env")) !== sorted(expected) && "the command inherited variables",
        inherited(found.one("init_env")) && `the first process has ${inherited(found.one("init_env"))}`,
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

/** Names of variables of bwrap's own first process beyond its mark and what the shell sets. */
function inherited(environment: string): string | false {
  const names = environment.split(" ").map((entry) => entry.split("=", 1)[0] ?? "");
  const others = names.filter(
    (name) => name !== "" && !["HOLDFAST_JAIL", "PWD", "OLDPWD", "_", "SHLVL"].includes(name),
  );
  return others.length > 0 && others.join(", ");
}

/** bwrap's own first process may keep one event descriptor of the jail itself. */
function openBeyond(list: string): boolean {
  return list.split(" ").filter((fd) => Number(fd) > 2).length > 1;
}

/**
 * Leaves processes in sessions of their own that ignore polite signals. They end by themselves after a
 * while: where the jail is too weak to end them, which this is to find out, nothing else may be able to.
 */
const daemons = `
trap '' TERM HUP INT
setsid sh -c 'trap "" TERM HUP INT; setsid sleep 20 & sleep 20' >/dev/null 2>&1 &
(sleep 20 &) >/dev/null 2>&1
readlink /proc/self/ns/pid
sleep 20
`;

async function checkStop(launch: Launch, spec: JailSpec): Promise<Guarantee> {
  const name = "processes.all_stopped";
  const jail = await launch(spec);
  jail.stderr.resume();
  const namespace = await firstLine(jail);
  if (namespace === undefined) return { name, held: false, detail: "the probe did not run" };
  const before = processesIn(namespace).length;
  const stopAt = ticksNow();
  await jail.stop({ graceMs: 0 });
  const after = processesIn(namespace, stopAt).length;
  const held = before >= 2 && after === 0;
  return { name, held, detail: `${before} processes before stop, ${after} after` };
}

async function firstLine(jail: Jail): Promise<string | undefined> {
  let seen = "";
  for await (const chunk of jail.stdout.iterator({ destroyOnReturn: false })) {
    seen += String(chunk);
    const end = seen.indexOf("\n");
    if (end >= 0) return seen.slice(0, end);
  }
  return undefined;
}

async function runToEnd(launch: Launch, spec: JailSpec): Promise<{ jail: Jail; reason: string }> {
  const jail = await launch(spec);
  jail.stdin.end();
  jail.stdout.resume();
  jail.stderr.resume();
  const timeout = new AbortController();
  const late = delay(10_000, undefined, { signal: timeout.signal }).then(
    () => jail.stop({ graceMs: 0 }),
    () => jail.exited,
  );
  const exit = await Promise.race([jail.exited, late]);
  timeout.abort();
  return { jail, reason: exit.reason };
}

async function checkMemory(launch: Launch, spec: JailSpec): Promise<true | string> {
  // tail keeps its whole input, which has no line end, in memory.
  const { jail, reason } = await runToEnd(launch, {
    ...spec,
    args: ["-c", "exec tail -n 1 </dev/zero"],
    limits: { memoryBytes: 32 * 1024 * 1024 },
  });
  const kills = jail.usage().memoryKills ?? 0;
  return reason === "memory" && kills > 0 ? true : `a memory balloon ended as ${reason} with ${kills} kills`;
}

async function checkPids(launch: Launch, spec: JailSpec): Promise<true | string> {
  const { jail } = await runToEnd(launch, {
    ...spec,
    args: ["-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 1000 & done"],
    limits: { pids: 10 },
  });
  const refusedForks = jail.usage().pidsRefused ?? 0;
  return refusedForks > 0 ? true : "more processes than the limit could be started";
}
