import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { Duplex, type Readable, type Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { HoldfastError } from "@holdfast/core";
import { childrenOf, signalProcess, spawnFault, startTime, waitUntilGone } from "../host/processes.ts";
import type { Jail, JailExit, JailSpec } from "../jail.ts";
import { programNotStarted, startFailed } from "../jail-errors.ts";
import { jailLimits } from "../jail-spec.ts";
import type { JailCgroup } from "../resources/cgroups.ts";
import { bwrapFds } from "./bwrap-arguments.ts";
import { explainFailure } from "./bwrap-program.ts";

export interface BwrapStart {
  readonly bwrap: string;
  readonly args: readonly string[];
  /** Command line that bwrap starts in the jail. */
  readonly command: readonly string[];
  /** The environment as the launcher reads it; undefined without a launcher. */
  readonly environment?: string;
  readonly spec: JailSpec;
  /** Open descriptor of the system call filter. */
  readonly filter: number;
  readonly cgroup: JailCgroup;
  readonly mark: Readonly<Record<string, string>>;
  /** Called when a jail that had started has ended. */
  readonly onExit: () => void;
}

/**
 * Shell script that enters the control groups and turns core dumps off before it becomes bwrap, so that nothing of the
 * jail runs outside the groups. Writing 0 moves the writer. Arguments: `cgroup.procs` files, "--", the program.
 */
export const enterCgroupsScript =
  'ulimit -c 0; while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done; shift; exec "$@"';

/**
 * File descriptors that this process inherited without close-on-exec: every program that it starts would have them.
 * Each is replaced by /dev/null and passed to bwrap as an empty `--args` list, which bwrap reads and closes.
 */
function inheritedDescriptors(): number[] {
  const closeOnExec = 0o2000000;
  return readdirSync("/proc/self/fd")
    .map(Number)
    .sort((a, b) => a - b)
    .filter((fd) => {
      if (fd <= bwrapFds.environment) return false;
      try {
        const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
        return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
      } catch {
        // The descriptor with which this directory was read.
        return false;
      }
    });
}

interface Status {
  childPid?: number;
  exitCode?: number;
}

/** Starts bwrap and waits until the jail's first process exists. */
export async function startBwrap(start: BwrapStart): Promise<Jail> {
  const inherited = inheritedDescriptors();
  const nothing = openSync("/dev/null", "r");
  const stdio: (number | "pipe" | "ignore")[] = ["pipe", "pipe", "pipe", "pipe", start.filter, "pipe"];
  if (start.environment !== undefined) stdio.push("pipe");
  const last = inherited.at(-1) ?? 0;
  for (let fd = stdio.length; fd <= last; fd++) stdio.push(inherited.includes(fd) ? nothing : "ignore");
  const descriptors = [bwrapFds.args, ...inherited].flatMap((fd) => ["--args", String(fd)]);
  const child = spawn(
    "/bin/sh",
    [
      ...["-c", enterCgroupsScript, "sh", ...start.cgroup.procsFiles, "--"],
      ...[start.bwrap, ...descriptors, "--", ...start.command],
    ],
    {
      // The jail can read bwrap's own environment, so it has nothing but the mark.
      env: start.mark,
      cwd: "/",
      // A session of its own: Ctrl-C in the terminal must reach the gate only.
      detached: true,
      stdio,
    },
  );
  closeSync(nothing);
  if (child.pid === undefined) throw programNotStarted("the shell", await spawnFault(child));
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw startFailed("Node gave the process no pipes");
  const status: Status = {};
  let errors = "";
  const keepErrors = (chunk: Buffer) => {
    errors = (errors + chunk.toString("utf8")).slice(0, 4_000);
  };
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      // The status pipe closes with bwrap; its last line has the exit code of the command.
      const pipe = pipeOf(child, bwrapFds.status);
      if (pipe.closed) resolve({ code, signal });
      else pipe.once("close", () => resolve({ code, signal }));
    });
  });
  // The command may end without reading its input.
  stdin.on("error", () => {});
  send(child, bwrapFds.args, start.args.map((each) => `${each}\0`).join(""));
  if (start.environment !== undefined) send(child, bwrapFds.environment, start.environment);
  stderr.on("data", keepErrors);
  try {
    await waitForChild(child, status, ended);
  } catch (error) {
    child.kill("SIGKILL");
    await ended.catch(() => {});
    throw isSetupFailure(error) ? await describeFailure(error, stderr, () => errors) : error;
  }
  stderr.off("data", keepErrors);
  stderr.pause();
  if (errors !== "") stderr.unshift(Buffer.from(errors));
  return new BwrapJail(start, { child, stdin, stdout, stderr, status, ended });
}

class SetupFailure extends Error {}
const isSetupFailure = (error: unknown): error is SetupFailure => error instanceof SetupFailure;

async function describeFailure(
  failure: SetupFailure,
  stderr: Readable,
  errors: () => string,
): Promise<HoldfastError> {
  // bwrap has ended, so its error output ends too.
  if (!stderr.readableEnded) {
    stderr.resume();
    await new Promise((resolve) => stderr.once("close", resolve));
  }
  return errors().includes("bwrap:")
    ? explainFailure(errors())
    : startFailed(`${failure.message} ${errors()}`);
}

function pipeOf(child: ChildProcess, fd: number): Duplex {
  const pipe: unknown = Reflect.get(child.stdio, fd);
  if (pipe instanceof Duplex) return pipe;
  throw startFailed(`Node gave the process no pipe at descriptor ${fd}`);
}

function send(child: ChildProcess, fd: number, text: string): void {
  const pipe = pipeOf(child, fd);
  // The reader may have ended, which its exit reports.
  pipe.on("error", () => {});
  pipe.end(text);
}

/** Reads bwrap's status lines; resolves with the first, which carries the pid of the jail's first process. */
function waitForChild(
  child: ChildProcess,
  status: Status,
  ended: Promise<{ code: number | null }>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(startFailed(`bwrap did not report a child within ${jailLimits.startTimeoutMs} ms`)),
      jailLimits.startTimeoutMs,
    );
    const pipe = pipeOf(child, bwrapFds.status);
    let text = "";
    pipe.on("error", reject);
    pipe.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      const childPid = /"child-pid":\s*(\d+)/.exec(text)?.[1];
      const exitCode = /"exit-code":\s*(\d+)/.exec(text)?.[1];
      if (exitCode !== undefined) status.exitCode = Number(exitCode);
      if (childPid === undefined) return;
      status.childPid = Number(childPid);
      clearTimeout(timer);
      resolve();
    });
    ended.then(
      ({ code }) => {
        clearTimeout(timer);
        reject(new SetupFailure(`bwrap ended with code ${code}.`));
      },
      (error) => {
        clearTimeout(timer);
        reject(programNotStarted("the shell", error));
      },
    );
  });
}

interface BwrapParts {
  readonly child: ChildProcess;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly status: Status;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

class BwrapJail implements Jail {
  readonly id: string;
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<JailExit>;
  readonly #parts: BwrapParts;
  readonly #cgroup: JailCgroup;
  readonly #startTime: string | undefined;
  #stopping = false;
  #alive = true;
  #lastUsage = {};

  constructor(start: BwrapStart, parts: BwrapParts) {
    this.id = start.spec.id;
    this.pid = parts.status.childPid ?? 0;
    this.stdin = parts.stdin;
    this.stdout = parts.stdout;
    this.stderr = parts.stderr;
    this.#startTime = startTime(this.pid);
    this.#parts = parts;
    this.#cgroup = start.cgroup;
    this.exited = this.#finish(start.onExit);
  }

  usage() {
    if (this.#alive) this.#lastUsage = this.#cgroup.usage();
    return this.#lastUsage;
  }

  async #finish(onExit: () => void): Promise<JailExit> {
    const { code, signal } = await this.#parts.ended;
    const usage = this.#cgroup.usage();
    this.#lastUsage = usage;
    this.#alive = false;
    // Everything inside died with the first process, also when bwrap itself was killed.
    await this.#cgroup.destroy();
    await waitUntilGone(this.pid, this.#startTime);
    onExit();
    return this.#describe(code, signal, usage.memoryKills ?? 0);
  }

  #describe(code: number | null, signal: NodeJS.Signals | null, memoryKills: number): JailExit {
    const byKill = code === 137 || signal === "SIGKILL";
    if (this.#stopping) return { code, signal, reason: "stopped" };
    if (byKill && memoryKills > 0) return { code, signal, reason: "memory" };
    if (byKill) return { code, signal, reason: "killed" };
    // bwrap reports an exit code only for a jail that was set up completely.
    if (this.#parts.status.exitCode === undefined) {
      return {
        code,
        signal,
        reason: "setup_failed",
        detail: "bwrap ended before the command ran; see stderr",
      };
    }
    return { code, signal, reason: signal === null ? "exited" : "killed" };
  }

  async stop(options: { readonly graceMs?: number } = {}): Promise<JailExit> {
    if (!this.#alive) return this.exited;
    this.#stopping = true;
    const graceMs = options.graceMs ?? jailLimits.defaultGraceMs;
    if (graceMs > 0) {
      // The pids cannot have been reused: bwrap has not reaped their parent yet.
      for (const pid of childrenOf(this.pid)) signalProcess(pid, "SIGTERM");
      await Promise.race([this.exited, delay(graceMs, undefined, { ref: false })]);
    }
    // When the first process of a pid namespace dies, all others in it die too; bwrap then ends by itself.
    if (this.#alive) signalProcess(this.pid, "SIGKILL");
    await Promise.race([this.exited, delay(500, undefined, { ref: false })]);
    if (this.#alive) this.#parts.child.kill("SIGKILL");
    return this.exited;
  }
}
