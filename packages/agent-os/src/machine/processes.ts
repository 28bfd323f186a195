import { HoldfastError } from "@holdfast/core";
import type { SandboxAgent, ProcessInfo as ServerProcess } from "@holdfast/sandbox-client";
import { invalid, machineEnded, notFound } from "../errors.ts";
import type { Machine } from "../host/machine.ts";
import type { ExecResult, SpawnedProcessInfo } from "../types.ts";
import { exitCodeOf } from "./exit-code.ts";
import { followProcess } from "./follow-process.ts";
import {
  readContent,
  readNumber,
  readPath,
  readRecord,
  readText,
  readTexts,
  readVariables,
} from "./input.ts";
import type { Vm } from "./vm.ts";

interface Spawned {
  /** The server's id of it. */
  readonly id: string;
  readonly machine: Machine;
  readonly command: string;
  readonly args: readonly string[];
  readonly startedAt: number;
  readonly exit: Promise<number>;
  exitCode: number | null;
}

const maxKept = 1_024;
const shell = "/bin/sh";

/** Commands and processes of a machine. */
export class Processes {
  readonly #vm: Vm;
  readonly #spawned = new Map<number, Spawned>();

  constructor(vm: Vm) {
    this.#vm = vm;
  }

  /** Runs a shell command to its end. */
  exec(command: unknown, given: unknown): Promise<ExecResult> {
    const text = readText(command, "The command");
    const { stdin, timeoutMs, ...options } = readOptions(given);
    const request = { command: shell, args: ["-c", text], ...options };
    const running = this.#vm.change(async (client): Promise<ExecResult> => {
      if (stdin !== undefined) return this.#execWithInput(client, request, stdin, timeoutMs);
      const result = await client.runProcess({
        ...request,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
      if (result.timedOut) throw timedOut(timeoutMs);
      return { stdout: result.stdout, stderr: result.stderr, exitCode: exitCodeOf(result) };
    });
    this.#vm.runUntil(running);
    return running;
  }

  async spawn(command: unknown, args: unknown, given: unknown): Promise<{ pid: number }> {
    const text = readText(command, "The command");
    const list = readTexts(args ?? undefined, "args");
    const { cwd, env } = readOptions(given);
    const request = { command: text, args: list, env, ...(cwd === undefined ? {} : { cwd }) };
    return this.#vm.use(async (client, machine) => {
      const started = await client.createProcess(request);
      // A process that has ended already has no pid any more.
      const pid = started.pid ?? (await this.#pidOf(client, started));
      const spawned: Spawned = {
        ...{ id: started.id, machine, command: text, args: list },
        startedAt: started.createdAtMs,
        exit: this.#follow(client, machine, pid, started.id),
        exitCode: null,
      };
      this.#spawned.delete(pid);
      this.#spawned.set(pid, spawned);
      this.#forgetOld();
      this.#vm.runUntil(spawned.exit);
      return { pid };
    });
  }

  wait(pid: unknown): Promise<number> {
    return this.#find(pid).exit;
  }

  async write(pid: unknown, data: unknown): Promise<void> {
    const bytes = Buffer.from(readContent(data, "data"));
    await this.#call(pid, (client, id) =>
      client.sendProcessInput(id, { data: bytes.toString("base64"), encoding: "base64" }),
    );
  }

  async closeInput(pid: unknown): Promise<void> {
    await this.#call(pid, (client, id) => client.sendProcessInput(id, { data: "", close: true }));
  }

  /** SIGTERM to it and what it has started. */
  async stop(pid: unknown): Promise<void> {
    await this.#call(pid, (client, id) => client.stopProcess(id));
  }

  async kill(pid: unknown): Promise<void> {
    await this.#call(pid, (client, id) => client.killProcess(id));
  }

  list(): SpawnedProcessInfo[] {
    return [...this.#spawned.keys()].map((pid) => this.get(pid));
  }

  get(pid: unknown): SpawnedProcessInfo {
    const { command, args, exitCode, startedAt } = this.#find(pid);
    return { pid: Number(pid), command, args, running: exitCode === null, exitCode, startedAt };
  }

  #find(pid: unknown): Spawned {
    const found = typeof pid === "number" ? this.#spawned.get(pid) : undefined;
    if (found === undefined) throw notFound(`process ${String(pid)} that spawn has started`);
    return found;
  }

  #call(pid: unknown, call: (client: SandboxAgent, id: string) => Promise<unknown>): Promise<unknown> {
    const { id, machine, exitCode } = this.#find(pid);
    if (exitCode !== null) throw invalid(`The process ${String(pid)} has exited with ${exitCode}`);
    return this.#vm.use((client, current) => {
      if (current !== machine) throw machineEnded("the process ran before its last sleep");
      return call(client, id);
    });
  }

  /** Passes output on until the end; resolves with the exit code. Never rejects. */
  async #follow(client: SandboxAgent, machine: Machine, pid: number, id: string): Promise<number> {
    const code = await followProcess(client, machine, id, (data, stream) => {
      this.#vm.actor.emit("processOutput", { pid, stream, data });
    });
    const spawned = this.#spawned.get(pid);
    if (spawned?.id === id) spawned.exitCode = code;
    this.#vm.actor.emit("processExit", { pid, exitCode: code });
    return code;
  }

  async #execWithInput(
    client: SandboxAgent,
    request: { readonly command: string; readonly args: string[]; readonly env: Record<string, string> },
    stdin: string | Uint8Array,
    timeoutMs: number | undefined,
  ): Promise<ExecResult> {
    const { id } = await client.createProcess(request);
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const subscription = await client.followProcessLogs(id, ({ stream, data, encoding }) => {
      const bytes = Buffer.from(data, encoding === "base64" ? "base64" : "utf8");
      output[stream === "stderr" ? "stderr" : "stdout"].push(bytes);
    });
    let expired = false;
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            expired = true;
            client.killProcess(id).catch(() => {});
          }, timeoutMs);
    try {
      const data = Buffer.from(stdin).toString("base64");
      // A command that reads nothing may have ended already.
      await client.sendProcessInput(id, { data, close: true }).catch(() => {});
      await subscription.closed;
      const exitCode = exitCodeOf(await client.getProcess(id));
      if (expired) throw timedOut(timeoutMs);
      const text = (parts: readonly Buffer[]) => Buffer.concat(parts).toString("utf8");
      return { stdout: text(output.stdout), stderr: text(output.stderr), exitCode };
    } finally {
      clearTimeout(timer);
      subscription.close();
      await client.deleteProcess(id).catch(() => {});
    }
  }

  /** A number that no other process here has, for one that ended before it could be asked. */
  async #pidOf(client: SandboxAgent, { id }: ServerProcess): Promise<number> {
    const { pid } = await client.getProcess(id);
    if (pid != null) return pid;
    for (let free = -1; ; free -= 1) if (!this.#spawned.has(free)) return free;
  }

  #forgetOld(): void {
    for (const [pid, { exitCode }] of this.#spawned) {
      if (this.#spawned.size <= maxKept) return;
      if (exitCode !== null) this.#spawned.delete(pid);
    }
  }
}

function readOptions(given: unknown) {
  const { cwd, env, stdin, timeout } = given === undefined ? {} : readRecord(given, "the options");
  return {
    env: readVariables(env),
    ...(cwd === undefined ? {} : { cwd: readPath(cwd) }),
    ...(stdin === undefined ? {} : { stdin: readContent(stdin, "stdin") }),
    ...(timeout === undefined ? {} : { timeoutMs: readNumber(timeout, "timeout", 1, 86_400_000) }),
  };
}

function timedOut(timeoutMs: number | undefined): HoldfastError {
  const message = `The command ran longer than ${timeoutMs} ms and was killed`;
  return new HoldfastError("agent_os", "timed_out", message, { statusCode: 408 });
}
