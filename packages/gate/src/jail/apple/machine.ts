import { spawn } from "node:child_process";
import { accessSync, readFileSync, rmSync, watch } from "node:fs";
import { dirname } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { spawnFault } from "../host/processes.ts";
import type { Jail, JailExit, JailUsage } from "../jail.ts";
import { programNotStarted, startFailed } from "../jail-errors.ts";
import { jailLimits } from "../jail-spec.ts";
import type { ContainerProgram } from "./container-program.ts";
import { machineLimits, type RunPlan, runArguments } from "./run-arguments.ts";

export interface MachineStart {
  readonly program: Pick<ContainerProgram, "path" | "env" | "signal" | "remove">;
  readonly plan: RunPlan;
  /** Called when a jail that had started has ended. */
  readonly onExit: () => void;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Time for the program to end after its machine was removed. */
const endTimeoutMs = 5_000;

/** Starts a jail in a virtual machine; resolves when the machine runs. Throws `jail.start_failed`. */
export async function startMachine(start: MachineStart): Promise<Jail> {
  const { program, plan } = start;
  rmSync(plan.startedFile, { force: true });
  accessSync(dirname(plan.startedFile));
  const child = spawn(program.path, runArguments(plan), {
    env: program.env,
    cwd: "/",
    // A session of its own: Ctrl-C in the terminal must reach the gate only.
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  if (child.pid === undefined) throw programNotStarted("container", await spawnFault(child));
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
    await machineRuns(plan, ended);
  } catch (error) {
    await program.remove(plan.name);
    child.kill("SIGKILL");
    await ended.catch(() => {});
    rmSync(plan.startedFile, { force: true });
    if (error instanceof EndedEarly) throw startFailed(`${error.message} ${errors.trim()}`);
    throw error;
  }
  stderr.off("data", keepErrors);
  stderr.pause();
  if (errors !== "") stderr.unshift(Buffer.from(errors));
  return new MachineJail(start, {
    pid: child.pid,
    kill: () => child.kill("SIGKILL"),
    stdin,
    stdout,
    stderr,
    ended,
  });
}

class EndedEarly extends Error {}

/** Waits until the program writes the name of the container, which it does once the machine runs. */
async function machineRuns({ name, startedFile }: RunPlan, ended: Promise<Ended>): Promise<void> {
  const settled = Promise.withResolvers<void>();
  const check = () => {
    if (read(startedFile) === name) settled.resolve();
  };
  const watcher = watch(dirname(startedFile), check);
  const { startTimeoutMs } = machineLimits;
  const timer = setTimeout(
    () => settled.reject(startFailed(`Apple's container started no machine in ${startTimeoutMs} ms`)),
    startTimeoutMs,
  );
  ended.then(
    ({ code }) => {
      // A command that has already ended has left the name too.
      check();
      settled.reject(new EndedEarly(`container ended with code ${code}.`));
    },
    (error: unknown) => settled.reject(programNotStarted("container", error)),
  );
  check();
  try {
    await settled.promise;
  } finally {
    clearTimeout(timer);
    watcher.close();
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined;
  }
}

interface MachineParts {
  readonly pid: number;
  readonly kill: () => void;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<Ended>;
}

class MachineJail implements Jail {
  readonly id: string;
  readonly pid: number;
  readonly relayPid = process.pid;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<JailExit>;
  readonly #start: MachineStart;
  readonly #kill: () => void;
  #stopping = false;
  #alive = true;

  constructor(start: MachineStart, parts: MachineParts) {
    this.id = start.plan.spec.id;
    this.pid = parts.pid;
    this.stdin = parts.stdin;
    this.stdout = parts.stdout;
    this.stderr = parts.stderr;
    this.#start = start;
    this.#kill = parts.kill;
    this.exited = this.#finish(parts.ended);
  }

  /** Nothing: the statistics of the program are two seconds old and do not include kills. */
  usage(): JailUsage {
    return {};
  }

  async #finish(ended: Promise<Ended>): Promise<JailExit> {
    const { code, signal } = await ended;
    const { program, plan, onExit } = this.#start;
    // The program may have been killed without its machine.
    await program.remove(plan.name);
    this.#alive = false;
    rmSync(plan.startedFile, { force: true });
    onExit();
    if (this.#stopping) return { code, signal, reason: "stopped" };
    return { code, signal, reason: code === 137 || signal !== null ? "killed" : "exited" };
  }

  async stop(options: { readonly graceMs?: number } = {}): Promise<JailExit> {
    if (!this.#alive) return this.exited;
    this.#stopping = true;
    const { program, plan } = this.#start;
    const graceMs = options.graceMs ?? jailLimits.defaultGraceMs;
    if (graceMs > 0) {
      await program.signal(plan.name, "TERM");
      await Promise.race([this.exited, delay(graceMs, undefined, { ref: false })]);
    }
    if (this.#alive) await program.remove(plan.name);
    await Promise.race([this.exited, delay(endTimeoutMs, undefined, { ref: false })]);
    if (this.#alive) this.#kill();
    return this.exited;
  }
}
