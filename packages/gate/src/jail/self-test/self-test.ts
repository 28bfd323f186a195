/** Self-test: proves the guarantees of a driver in real jails, and gives the evidence. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { requiredGuarantees } from "../guarantees.ts";
import { isAlive, processesIn, ticksNow, withDescendants } from "../host/processes.ts";
import type { Guarantee, GuaranteeName, Jail, JailExit, JailSpec, SelfTestReport } from "../jail.ts";
import { evaluateFindings, Findings, type TestedDriver } from "./probe-findings.ts";

type Launch = (spec: JailSpec) => Promise<Jail>;

/**
 * Script that inspects a jail from inside, with a shell and the core utilities only. It prints lines of name=value.
 * Each start of a gate waits for it, so that it uses what the shell has built in instead of processes.
 */
const probe = `
# In subshells, since a redirection opens descriptors in the shell that is inspected; without ls,
# which makes system calls that older gVisor kernels lack.
(cd /proc/$$/fd && echo *) >/tmp/fds
# The first process still closes its setup descriptors while the command starts.
for try in 1 2 3 4 5 6 7 8 9 10; do
  init_fds=
  (cd /proc/1/fd && echo *) >/tmp/init_fds 2>/dev/null && read -r init_fds </tmp/init_fds
  set -- $init_fds
  if [ $# -le 4 ]; then break; fi
  sleep 0.05
done
read -r fds </tmp/fds
echo "fds=$fds"
echo "init_fds=$init_fds"
(cd /proc && set -- [0-9]* && echo "pids=$*")
printf env=; tr '\\0' ' ' </proc/$$/environ; echo
printf init_env=; tr '\\0' ' ' 2>/dev/null </proc/1/environ; echo
links='/proc/self/ns/pid /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/user /proc/self/ns/ipc'
# Some implementations of readlink take only one path.
{ readlink $links 2>/dev/null || for link in $links; do readlink $link; done; } |
  while read -r link; do echo "ns_\${link%%:*}=$link"; done
boot=; { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
echo "boot=$boot"
interfaces=
while read -r name _; do
  case "$name" in *:*) interfaces="$interfaces\${name%%:*} " ;; esac
done </proc/net/dev
echo "interfaces=$interfaces"
for each in /sys/class/net/*; do
  flags=; { read -r flags <"$each/flags"; } 2>/dev/null
  case "$flags" in 0x*[02468aceACE]) echo "down=\${each##*/}" ;; esac
done
routes=0
{ read -r _ && while read -r _; do routes=$((routes + 1)); done; } </proc/net/route
echo "routes=$routes"
no_new_privs=
while read -r name value other; do
  case "$name" in
    CapInh: | CapPrm: | CapEff: | CapBnd: | CapAmb: | Seccomp:) echo "\${name%:}=$value" ;;
    NoNewPrivs:) no_new_privs=$value ;;
    Uid:) set -- $other; echo "uid=$1" ;;
  esac
done </proc/self/status
if [ -z "$no_new_privs" ]; then
  case "$(uname -m)" in
    x86_64) no_new_privs=$(perl -e 'print syscall(157, 39, 0, 0, 0, 0)') ;;
    *) no_new_privs=$(perl -e 'print syscall(167, 39, 0, 0, 0, 0)') ;;
  esac
fi
echo "NoNewPrivs=$no_new_privs"
# With true: a redirection of a special command such as ":" ends the shell where it fails.
for path in / /usr /usr/bin /etc /dev /proc /home; do
  if { true >"$path/holdfast-probe"; } 2>/dev/null; then echo "writable=$path"; fi
done
# The mount options too: another layer may have refused the writes above.
while read -r _ _ _ _ at options _; do
  case "$at $options" in "/ rw"* | "/usr rw"* | "/dev rw"*) echo "mounted_rw=$at" ;; esac
done </proc/self/mountinfo
if { echo probe >/proc/sys/kernel/domainname; } 2>/dev/null; then echo "writable=/proc/sys"; fi
for path in "$CANARY" /root /sys/kernel /boot /etc/shadow /etc/ssl/private /var/lib /run/user; do
  if [ -e "$path" ]; then echo "visible=$path"; fi
done
for device in /dev/*; do
  if [ -b "$device" ] && head -c 1 "$device" >/dev/null 2>&1; then echo "reads=$device"; fi
done
if head -c 1 /proc/1/environ >/dev/null 2>&1; then echo "beyond=reads its first process"; fi
if kill -0 1 2>/dev/null; then echo "beyond=signals its first process"; fi
if { echo probe >/dev/urandom; } 2>/dev/null; then echo "beyond=writes the random pool"; fi
if unshare --user true 2>/dev/null; then echo "unshare=user"; fi
if unshare --mount true 2>/dev/null; then echo "unshare=mount"; fi
echo "done=yes"
# The host inspects the jail from outside until it closes this input.
read -r _ || true
`;

/** Proves each guarantee on this machine, from inside and outside of real jails. */
export async function runSelfTest(driver: TestedDriver, launch: Launch): Promise<SelfTestReport> {
  const started = performance.now();
  const directory = mkdtempSync(join(tmpdir(), "holdfast-probe-"));
  const id = (part: string) => `selftest-${part}-${randomBytes(4).toString("hex")}`;
  try {
    const canary = join(directory, "canary");
    writeFileSync(canary, "canary");
    const base = { command: "/bin/sh", cwd: "/", mounts: [], network: "none" } as const;
    const env = { PATH: "/usr/bin:/bin", CANARY: canary };
    const probes = [
      inspect(launch, { ...base, id: id("look"), args: ["-c", probe], env }),
      driver.view === "machine"
        ? checkMachineStop(launch, directory, { ...base, id: id("stop"), args: ["-c", heartbeat], env })
        : checkStop(driver, launch, {
            ...base,
            id: id("stop"),
            args: ["-c", daemons],
            env: { PATH: "/usr/bin:/bin" },
          }),
      driver.absentLimits.memory ??
        checkMemory(launch, {
          ...base,
          id: id("memory"),
          args: [],
          env,
          limits: { memoryBytes: balloonBytes(driver) },
        }),
      checkDisk(launch, directory, { ...base, id: id("disk"), args: ["-c", filler], env }),
      driver.absentLimits.pids ?? checkPids(launch, { ...base, id: id("pids"), args: [], env }),
    ] as const;
    // All probes have ended before a failure of one is reported.
    await Promise.allSettled(probes);
    const [findings, stopped, memory, disk, pids] = await Promise.all(probes);
    const guarantees = [
      ...evaluateFindings(findings, canary, driver),
      stopped,
      limit("limits.memory", memory),
      limit("limits.pids", pids),
      limit("limits.cpu", driver.absentLimits.cpu ?? true),
      limit("limits.io", driver.absentLimits.io ?? true, throttlingDetail(driver)),
      disk,
    ];
    const ok = guarantees.every((each) => each.held || !requiredGuarantees.includes(each.name));
    return { ok, guarantees, durationMs: Math.round(performance.now() - started) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const set = "set by control groups";

function limit(name: GuaranteeName, outcome: true | string, detail = set): Guarantee {
  return outcome === true ? { name, held: true, detail } : { name, held: false, detail: outcome };
}

/** In version 1, the kernel does not know to whom a page belongs that it writes back later. */
function throttlingDetail({ throttling }: TestedDriver): string {
  return throttling === 1 ? `${set} of version 1: reads, and writes that pass memory by (O_DIRECT)` : set;
}

async function inspect(launch: Launch, spec: JailSpec): Promise<Findings> {
  const jail = await launch(spec);
  jail.stderr.resume();
  const outside = namespacesOf(jail.pid);
  jail.stdin.end();
  const [output] = await Promise.all([text(jail.stdout), jail.exited]);
  return new Findings(`${output}\n${outside}`);
}

/** The namespaces of a jail's first process as the host sees them. */
function namespacesOf(pid: number): string {
  const kinds = ["pid", "net", "mnt", "user", "ipc"];
  try {
    return kinds.map((kind) => `host_ns_${kind}=${readlinkSync(`/proc/${pid}/ns/${kind}`)}`).join("\n");
  } catch {
    // The process has ended, or this user may not inspect it.
    return "";
  }
}

/**
 * Leaves processes behind, in sessions of their own, that ignore all signals but SIGKILL. They end after 20 s, for the
 * case that the jail fails to end them.
 */
const daemons = `
trap '' TERM HUP INT
setsid sh -c 'trap "" TERM HUP INT; setsid sleep 20 & sleep 20' >/dev/null 2>&1 &
(sleep 20 &) >/dev/null 2>&1
echo ready
sleep 20
`;

async function checkStop(driver: TestedDriver, launch: Launch, spec: JailSpec): Promise<Guarantee> {
  const name = "processes.all_stopped";
  const jail = await launch(spec);
  jail.stderr.resume();
  const ready = await firstLine(jail);
  const members = ready === undefined ? undefined : membersOf(jail, driver);
  if (members === undefined) return { name, held: false, detail: "the probe did not run" };
  const before = members().length;
  const stopAt = ticksNow();
  await jail.stop({ graceMs: 0 });
  const after = members(stopAt).length;
  const held = before >= 2 && after === 0;
  return { name, held, detail: `${before} processes before stop, ${after} after` };
}

/** As {@link daemons}, with a heartbeat in a file, since the host cannot see processes of another kernel. */
const heartbeat = `
trap '' TERM HUP INT
setsid sh -c 'trap "" TERM HUP INT; i=0; while [ $i -lt 400 ]; do echo beat >>/probe/beats; sleep 0.05; i=$((i + 1)); done' >/dev/null 2>&1 &
while [ ! -s /probe/beats ]; do sleep 0.05; done
echo ready
sleep 20
`;

const silenceMs = 500;

async function checkMachineStop(launch: Launch, directory: string, spec: JailSpec): Promise<Guarantee> {
  const name = "processes.all_stopped";
  const source = join(directory, "stop");
  mkdirSync(source);
  const jail = await launch({ ...spec, mounts: [{ source, target: "/probe", mode: "rw" }] });
  jail.stderr.resume();
  const ready = await firstLine(jail);
  await jail.stop({ graceMs: 0 });
  if (ready === undefined) return { name, held: false, detail: "the probe did not run" };
  const beats = () => statSync(join(source, "beats")).size;
  const atStop = beats();
  // A living process would write ten times in this interval.
  await delay(silenceMs);
  const after = beats();
  const held = after === atStop;
  return {
    name,
    held,
    detail: held ? "its machine and all processes in it are gone" : "something still writes after stop",
  };
}

/** Lists the living processes of a jail: by its pid namespace, or by descent where the host sees no namespace. */
function membersOf(jail: Jail, driver: TestedDriver): ((before?: number) => readonly number[]) | undefined {
  if (driver.view === "gvisor") {
    const processes = withDescendants(jail.pid);
    return () => processes.filter(isAlive).map(({ pid }) => pid);
  }
  const namespace = namespaceOf(jail.pid);
  return namespace === undefined ? undefined : (before) => processesIn(namespace, before);
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
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

/** What a probe may take on a machine that has much else to do; on an idle one they take about a second. */
const probeTimeoutMs = 60_000;

async function runToEnd(
  launch: Launch,
  spec: JailSpec,
): Promise<{ jail: Jail; exit: JailExit; reason: string; stderr: string }> {
  const jail = await launch(spec);
  jail.stdin.end();
  jail.stdout.resume();
  const stderr = text(jail.stderr);
  const timeout = new AbortController();
  const late = delay(probeTimeoutMs, undefined, { signal: timeout.signal }).then(
    () => jail.stop({ graceMs: 0 }),
    () => jail.exited,
  );
  const exit = await Promise.race([jail.exited, late]);
  timeout.abort();
  return { jail, exit, reason: exit.reason, stderr: await stderr };
}

/** Memory limit of the jail that exceeds it. The kernel of a gVisor jail counts too. */
const balloonBytes = ({ view }: TestedDriver): number => (view === "gvisor" ? 64 : 24) * 1024 * 1024;

async function checkMemory(launch: Launch, spec: JailSpec): Promise<true | string> {
  // One read into a buffer larger than the limit: many small ones cost a user-space kernel half a second.
  const bufferBytes = 4 * (spec.limits?.memoryBytes ?? 0);
  const { jail, reason } = await runToEnd(launch, {
    ...spec,
    args: ["-c", `exec dd if=/dev/zero of=/dev/null bs=${bufferBytes} count=1`],
  });
  const kills = jail.usage().memoryKills ?? 0;
  return reason === "memory" && kills > 0 ? true : `a memory balloon ended as ${reason} with ${kills} kills`;
}

/**
 * Writes 4 MiB in small files, once a second for a minute, until the jail is ended: a busy machine measures late.
 */
const filler = `
block=0123456789abcdef
while [ \${#block} -lt 65536 ]; do block=$block$block; done
i=0
while [ $i -lt 3840 ]; do
  printf %s "$block" >/probe/$i
  i=$((i + 1))
  if [ $((i % 64)) -eq 0 ]; then sleep 1; fi
done
`;

async function checkDisk(launch: Launch, directory: string, spec: JailSpec): Promise<Guarantee> {
  const source = join(directory, "disk");
  mkdirSync(source);
  const diskBytes = 1024 * 1024;
  const { exit } = await runToEnd(launch, {
    ...spec,
    mounts: [{ source, target: "/probe", mode: "rw" }],
    limits: { diskBytes },
  });
  const held = exit.reason === "disk";
  const detail = held
    ? "measured: a jail that holds more is ended"
    : `a jail that filled its disk ended as ${exit.reason}`;
  return { name: "limits.disk", held, detail };
}

async function checkPids(launch: Launch, spec: JailSpec): Promise<true | string> {
  const { jail, stderr } = await runToEnd(launch, {
    ...spec,
    args: ["-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 1000 & done"],
    limits: { pids: 10 },
  });
  const refusedForks = jail.usage().pidsRefused ?? 0;
  // Where the counter is gone with the jail, the error output of its shell tells.
  return refusedForks > 0 || /fork/.test(stderr) ? true : "more processes than the limit could be started";
}
