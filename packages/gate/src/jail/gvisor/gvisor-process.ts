import { spawn } from "node:child_process";
import { readFileSync, watch } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { enterCgroupsScript } from "../bubblewrap/bwrap-process.ts";
import { childrenOf, signalProcess, spawnFault, startTime, waitUntilGone } from "../host/processes.ts";
import type { Jail, JailExit, JailSpec, JailUsage } from "../jail.ts";
import { programNotStarted, startFailed } from "../jail-errors.ts";
import { jailLimits } from "../jail-spec.ts";
import type { JailCgroup } from "../resources/cgroups.ts";

export interface RunscStart {
  readonly spec: JailSpec;
  /** Path of setpriv, which makes runsc die with this process. */
  readonly setpriv: string;
  /** runsc and its first arguments; the pid file and `run` follow. */
  readonly runsc: readonly string[];
  /** The last arguments: bundle and container name. */
  readonly run: readonly string[];
  /** Directory of the bundle, in which runsc writes the pid file. */
  readonly directory: string;
  readonly cgroup: JailCgroup;
  readonly mark: Readonly<Record<string, string>>;
  /** The command that sends SIGTERM to the jail's first process. */
  readonly terminate: readonly string[];
  /** Called when a jail that had started has ended. */
  readonly onExit: () => void;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const pidFile = "pid";

/** Starts runsc and waits until the sandbox runs. */
export async function startRunsc(start: RunscStart): Promise<Jail> {
  const child = spawn(
    "/bin/sh",
    [
      ...["-c", enterCgroupsScript, "sh", ...start.cgroup.procsFiles, "--"],
      // The sandbox in turn dies with runsc.
      ...[start.setpriv, "--pdeathsig", "KILL", "--", ...start.runsc],
      ...["--pid-file", `${start.directory}/${pidFile}`, ...start.run],
    ],
    {
      env: { ...start.mark, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      cwd: "/",
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  if (child.pid === undefined) throw programNotStarted("the shell", await spawnFault(child));
  const { stdin, stdout, stderr } = child;
  let errors = "";
  const keepErrors = (chunk: Buffer) => {
    errors = (errors + chunk.toString("utf8")).slice(0, 4_000);
  };
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  stdin.on("error", () => {});
  stderr.on("data", keepErrors);
  try {
    const pid = await waitForPid(start.directory, ended);
    stderr.off("data", keepErrors);
    stderr.pause();
    if (errors !== "") stderr.unshift(Buffer.from(errors));
    return new GvisorJail(start, { runscPid: child.pid ?? 0, pid, stdin, stdout, stderr, ended });
  } catch (error) {
    child.kill("SIGKILL");
    await ended.catch(() => {});
    if (error instanceof EndedEarly) throw startFailed(`${error.message} ${errors.trim()}`);
    throw error;
  }
}

class EndedEarly extends Error {}

/** Waits for the pid of the sandbox in the pid file. */
async function waitForPid(directory: string, ended: Promise<Ended>): Promise<number> {
  const settled = Promise.withResolvers<number>();
  const check = () => {
    const pid = readPid(`${directory}/${pidFile}`);
    if (pid !== undefined) settled.resolve(pid);
  };
  const watcher = watch(directory, check);
  const timer = setTimeout(
    () => settled.reject(startFailed(`runsc did not write a pid within ${jailLimits.startTimeoutMs} ms`)),
    jailLimits.startTimeoutMs,
  );
  ended.then(
    ({ code }) => {
      // A command that has already ended has left its pid too.
      check();
      settled.reject(new EndedEarly(`runsc ended with code ${code}.`));
    },
    (error) => settled.reject(programNotStarted("the shell", error)),
  );
  check();
  try {
    return await settled.promise;
  } finally {
    clearTimeout(timer);
    watcher.close();
  }
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

interface RunscParts {
  readonly runscPid: number;
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<Ended>;
}

class GvisorJail implements Jail {
  readonly id: string;
  readonly pid: number;
  readonly dialerPid?: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<JailExit>;
  readonly #runscPid: number;
  readonly #terminate: readonly string[];
  readonly #startTime: string | undefined;
  readonly #cgroup: JailCgroup;
  #stopping = false;
  #alive = true;
  #lastUsage: JailUsage = {};

  constructor(start: RunscStart, parts: RunscParts) {
    this.id = start.spec.id;
    this.pid = parts.pid;
    this.stdin = parts.stdin;
    this.stdout = parts.stdout;
    this.stderr = parts.stderr;
    this.#runscPid = parts.runscPid;
    this.#terminate = start.terminate;
    this.#startTime = startTime(this.pid);
    this.#cgroup = start.cgroup;
    const gofer = childrenOf(parts.runscPid).find((pid) => pid !== parts.pid);
    if (gofer !== undefined) this.dialerPid = gofer;
    this.exited = this.#finish(start, parts.ended);
  }

  usage(): JailUsage {
    if (this.#alive) this.#lastUsage = this.#cgroup.usage();
    return this.#lastUsage;
  }

  async #finish(start: RunscStart, ended: Promise<Ended>): Promise<JailExit> {
    const { code, signal } = await ended;
    this.#lastUsage = this.#cgroup.usage();
    this.#alive = false;
    await this.#cgroup.destroy();
    await waitUntilGone(this.pid, this.#startTime);
    start.onExit();
    const outOfMemory = (this.#lastUsage.memoryKills ?? 0) > 0;
    if (this.#stopping) return { code, signal, reason: "stopped" };
    // The kernel kills the complete sandbox, and runsc does not report the reason.
    if (outOfMemory && code !== 0) return { code, signal, reason: "memory" };
    if (code === 137 || signal !== null) return { code, signal, reason: "killed" };
    return { code, signal, reason: "exited" };
  }

  async stop(options: { readonly graceMs?: number } = {}): Promise<JailExit> {
    if (!this.#alive) return this.exited;
    this.#stopping = true;
    const graceMs = options.graceMs ?? jailLimits.defaultGraceMs;
    if (graceMs > 0) {
      terminate(this.#terminate);
      await Promise.race([this.exited, delay(graceMs, undefined, { ref: false })]);
    }
    if (this.#alive) signalProcess(this.pid, "SIGKILL");
    await Promise.race([this.exited, delay(500, undefined, { ref: false })]);
    if (this.#alive) signalProcess(this.#runscPid, "SIGKILL");
    return this.exited;
  }
}

/** Runs the command that sends SIGTERM: only gVisor's kernel knows the processes inside. It takes up to 100 ms. */
function terminate([program = "", ...args]: readonly string[]): void {
  const child = spawn(program, args, { stdio: "ignore", env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
  // A failure changes nothing: the jail has ended, or is killed after its grace period.
  child.on("error", () => {});
}
