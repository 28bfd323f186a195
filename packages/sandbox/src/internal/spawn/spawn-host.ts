import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import type { Logger } from "@holdfast/core";
import { spawnHostNumbers } from "./spawn-host-numbers.ts";
import { spawnHostScript } from "./spawn-host-script.ts";

/** A command for a host, with everything that is to hold for it. */
export interface HostedRequest {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Bytes of each stream that are kept; what comes after them is dropped. */
  readonly keepBytes: number;
  /** Directory of its control group, and whether the host makes it and removes it when it is empty. */
  readonly group: string | undefined;
  readonly makesGroup: boolean;
  /** Directories of further groups that it enters. */
  readonly limited: readonly string[];
}

export interface HostedExit {
  /** Null after a signal. */
  readonly exitCode: number | null;
  /** False when its control group is known to be empty, and was removed. */
  readonly remains: boolean;
  /** True when its pipes are closed too, so that all of its output is there. */
  readonly closed: boolean;
}

export interface HostedOutput {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
}

/** A command that a host has started. */
export interface HostedCommand {
  /** Id of the process, of its group and of its session. */
  readonly pid: number;
  /** Rejects with {@link StartFailure} when it could not become its program, and when the host is lost. */
  readonly exited: Promise<HostedExit>;
  /** What it has printed, once its pipes are closed; rejects as `exited` does. */
  readonly output: Promise<HostedOutput>;
  /** Closes its pipes after its exit, where something else holds them open. */
  cut(): void;
}

/** The step at which a command failed that a host was to start, with the number of the system's error. */
export class StartFailure extends Error {
  readonly errno: number;
  readonly step: string;

  constructor(errno: number, step: string) {
    super(`a start failed with error ${errno} at step ${step}`);
    this.errno = errno;
    this.step = step;
  }
}

/** The host ended, or never was, while a command was its. */
export class HostLost extends Error {
  constructor() {
    super("the process that started the command was lost");
  }
}

/** What is waited for of one command. */
interface Awaited {
  readonly started: PromiseWithResolvers<HostedCommand>;
  readonly exited: PromiseWithResolvers<HostedExit>;
  readonly output: PromiseWithResolvers<HostedOutput>;
}

/** No system takes as much as this for the arguments and the environment of a program. */
const maxRequestBytes = 16 * 1_048_576;
const version = 1;
/** E2BIG. */
const tooLong = 7;
/**
 * Its own variables; commands get none of them. Symbols are bound once, not in each fork anew, and handles have
 * no buffers, all of which perl would flush, and thereby write to, before each exec.
 */
const hostVariables = { LC_ALL: "C", LD_BIND_NOW: "1", PERLIO: ":unix" };
/** How long a host may take to say that it is ready. */
const readyPatienceMs = 5_000;

/**
 * A small process beside the server that starts commands for it, keeps the beginning of their output
 * and tells how they ended. It lives as long as the server; when it is lost, so are its commands.
 */
export class SpawnHost {
  readonly #child: ChildProcess;
  readonly #channel: Socket;
  readonly #commands = new Map<number, Awaited>();
  readonly #ended = Promise.withResolvers<void>();
  #chunks: Buffer[] = [];
  #size = 0;
  #ready: ((ready: boolean) => void) | undefined;
  #count = 0;
  #lost = false;
  /** What the host has as its environment: that of its first command, from which others differ little. */
  #environment: Readonly<Record<string, string>> | undefined;

  /** Undefined where there is no host: without perl, without pidfds. `mark` is put into its environment. */
  static async start(mark: Readonly<Record<string, string>>, log: Logger): Promise<SpawnHost | undefined> {
    const numbers = spawnHostNumbers();
    if (process.platform !== "linux" || numbers === undefined) return undefined;
    const child = spawn("perl", ["-e", spawnHostScript, ...numbers.map(String)], {
      // A session of its own: a signal to the server's group is for the server.
      detached: true,
      cwd: "/",
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", ...hostVariables, ...mark },
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    const channel = child.stdio[3];
    if (!(channel instanceof Socket)) return undefined;
    const host = new SpawnHost(child, channel, log);
    const timer = setTimeout(() => child.kill("SIGKILL"), readyPatienceMs);
    const ready = await new Promise<boolean>((resolve) => {
      host.#ready = resolve;
    });
    clearTimeout(timer);
    return ready ? host : undefined;
  }

  private constructor(child: ChildProcess, channel: Socket, log: Logger) {
    this.#child = child;
    this.#channel = channel;
    channel.on("data", (bytes: Buffer) => this.#take(bytes));
    channel.on("error", () => {});
    channel.once("close", () => this.#lose());
    child.on("error", () => this.#lose());
    child.once("exit", () => this.#ended.resolve());
    child.stderr?.on("data", (bytes: Buffer) =>
      log.warn("the spawn host complains", { text: String(bytes) }),
    );
    child.unref();
    channel.unref();
    if (child.stderr instanceof Socket) child.stderr.unref();
  }

  /** True when it can start nothing any more. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Process id of the host. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when the command was forked. Rejects with {@link StartFailure} or {@link HostLost}. */
  async run(request: HostedRequest): Promise<HostedCommand> {
    this.#count = (this.#count + 1) % 2 ** 32;
    const id = this.#count;
    const base = this.#environment ?? request.env;
    const frame = frameOf("run", [id, ...fieldsOf(request, base)]);
    if (frame.length > maxRequestBytes) throw new StartFailure(tooLong, "x");
    if (this.#lost) throw new HostLost();
    if (this.#environment === undefined) {
      this.#environment = base;
      this.#channel.write(frameOf("env", Object.entries(base).flat()));
    }
    const awaited: Awaited = {
      started: Promise.withResolvers(),
      exited: Promise.withResolvers(),
      output: Promise.withResolvers(),
    };
    // Who does not wait for all three must not be told by an unhandled rejection.
    awaited.exited.promise.catch(() => {});
    awaited.output.promise.catch(() => {});
    // The process of the server has to live while a command does.
    if (this.#commands.size === 0) this.#channel.ref();
    this.#commands.set(id, awaited);
    this.#channel.write(frame);
    return await awaited.started.promise;
  }

  /** Ends it, with what it has started; resolves when it has exited. */
  async close(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
      return;
    this.#child.ref();
    this.#channel.end();
    await this.#ended.promise;
  }

  #lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#ready?.(false);
    this.#child.stderr?.destroy();
    for (const id of this.#commands.keys()) this.#fail(id, new HostLost());
  }

  #fail(id: number, error: Error): void {
    const awaited = this.#forget(id);
    for (const each of [awaited?.started, awaited?.exited, awaited?.output]) each?.reject(error);
  }

  #forget(id: number): Awaited | undefined {
    const awaited = this.#commands.get(id);
    this.#commands.delete(id);
    if (this.#commands.size === 0) this.#channel.unref();
    return awaited;
  }

  #take(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    const head = this.#chunks[0];
    // A long output comes in many chunks: they are put together once, when all of it is there.
    if (head !== undefined && head.length >= 4 && this.#size < 4 + head.readUInt32BE(0)) return;
    let input = this.#chunks.length === 1 ? bytes : Buffer.concat(this.#chunks, this.#size);
    while (input.length >= 4) {
      const end = 4 + input.readUInt32BE(0);
      if (input.length < end) break;
      this.#answer(input.subarray(4, end));
      input = input.subarray(end);
    }
    this.#chunks = input.length === 0 ? [] : [input];
    this.#size = input.length;
  }

  #answer(body: Buffer): void {
    const id = body.readUInt32BE(1);
    const awaited = this.#commands.get(id);
    switch (String.fromCharCode(body[0] ?? 0)) {
      case "R":
        this.#ready?.(id === version);
        break;
      case "S":
        awaited?.started.resolve({
          pid: body.readUInt32BE(5),
          exited: awaited.exited.promise,
          output: awaited.output.promise,
          cut: () => {
            if (this.#commands.has(id)) this.#channel.write(frameOf("cut", [id]));
          },
        });
        break;
      case "F":
        this.#fail(id, new StartFailure(body.readUInt32BE(5), String.fromCharCode(body[9] ?? 0)));
        break;
      case "X":
        awaited?.exited.resolve(exitOf(body, false));
        break;
      case "D":
        this.#forget(id);
        awaited?.exited.resolve(exitOf(body, true));
        awaited?.output.resolve(outputOf(body));
        break;
    }
  }
}

function fieldsOf(request: HostedRequest, base: Readonly<Record<string, string>>): (string | number)[] {
  const { program, args, cwd, env, keepBytes, group = "", makesGroup, limited } = request;
  const without = Object.keys(base).filter((name) => !Object.hasOwn(env, name));
  const added = Object.entries(env).filter(([name, value]) => base[name] !== value);
  const fields = [keepBytes, cwd, makesGroup ? 1 : 0, group, limited.length, ...limited, args.length + 1];
  return [...fields, program, ...args, without.length, ...without, ...added.flat()];
}

/** Throws for a NUL in a field, which ends a text everywhere in the system. */
function frameOf(verb: string, fields: readonly (string | number)[]): Buffer {
  for (const field of fields) {
    if (typeof field === "string" && field.includes("\0")) throw new TypeError("a NUL cannot be passed on");
  }
  const body = Buffer.from([verb, ...fields].join("\0"));
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  return frame;
}

/** From the status of wait(2). */
function exitOf(body: Buffer, closed: boolean): HostedExit {
  const status = body.readUInt32BE(5);
  return { exitCode: (status & 0x7f) === 0 ? status >> 8 : null, remains: body[9] !== 0, closed };
}

function outputOf(body: Buffer): HostedOutput {
  const truncated = body[10] ?? 0;
  const end = 15 + body.readUInt32BE(11);
  return {
    stdout: body.subarray(15, end),
    stderr: body.subarray(end),
    stdoutTruncated: (truncated & 1) !== 0,
    stderrTruncated: (truncated & 2) !== 0,
  };
}
