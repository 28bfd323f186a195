/** A small process that starts programs for a large one, whose own forks would block its event loop. */
import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import type { Logger } from "../../ports.ts";
import { spawnHostNumbers } from "./numbers.ts";
import { spawnHostScript } from "./script.ts";

/** Request to start a command, with its limits and groups. */
export interface HostedRequest {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Bytes to capture of each stream. The rest is dropped. */
  readonly keepBytes: number;
  /** Directory of its control group. With `makesGroup` the host creates it, and removes it once it is empty. */
  readonly group: string | undefined;
  readonly makesGroup: boolean;
  /** Directories of further control groups to enter. */
  readonly limited: readonly string[];
}

export interface HostedExit {
  /** Null after a signal. */
  readonly exitCode: number | null;
  /** False if its control group is empty and was removed. */
  readonly remains: boolean;
  /** True if its pipes are closed too, so that the output is complete. */
  readonly closed: boolean;
}

export interface HostedOutput {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
}

/** A command that was forked by a host. */
export interface HostedCommand {
  /** Process id, which is also the id of its group and session. */
  readonly pid: number;
  /**
   * Rejects with {@link StartFailure} if the program could not be executed, and with {@link HostLost} if the host
   * died.
   */
  readonly exited: Promise<HostedExit>;
  /** The captured output, once its pipes are closed. Rejects as `exited` does. */
  readonly output: Promise<HostedOutput>;
  /** Closes the pipes of an exited command that another process still holds open. */
  closePipes(): void;
}

/** A command could not be started: the failed step and the system's error number. */
export class StartFailure extends Error {
  readonly errno: number;
  readonly step: string;

  constructor(errno: number, step: string) {
    super(`the start failed with error ${errno} at step ${step}`);
    this.errno = errno;
    this.step = step;
  }
}

/** The host died, so that the state of its commands is unknown. */
export class HostLost extends Error {
  constructor() {
    super("the process that started the command was lost");
  }
}

/** A started command whose results are pending. */
interface PendingCommand {
  readonly started: PromiseWithResolvers<HostedCommand>;
  readonly exited: PromiseWithResolvers<HostedExit>;
  readonly output: PromiseWithResolvers<HostedOutput>;
}

/** No system accepts arguments and an environment of this size. */
const maxRequestBytes = 16 * 1_048_576;
const version = 1;
/** E2BIG. */
const tooLong = 7;
/**
 * Environment of the host; commands do not inherit it. Symbols are bound once instead of in each fork. Handles are
 * unbuffered, because Perl would flush the buffers, and so copy their pages, before each exec.
 */
const hostVariables = { LC_ALL: "C", LD_BIND_NOW: "1", PERLIO: ":unix" };
/** How long a host may take to become ready. */
const readyTimeoutMs = 5_000;

/**
 * A small helper process that forks commands for the server, captures the beginning of their output and reports their
 * exit. It lives as long as the server. If it dies, its commands are killed.
 */
export class SpawnHost {
  readonly #child: ChildProcess;
  readonly #channel: Socket;
  readonly #commands = new Map<number, PendingCommand>();
  readonly #ended = Promise.withResolvers<void>();
  #chunks: Buffer[] = [];
  #size = 0;
  #ready: ((ready: boolean) => void) | undefined;
  #count = 0;
  #isLost = false;
  /**
   * The host's default environment for commands: that of its first command. Later requests send only the differences.
   */
  #environment: Readonly<Record<string, string>> | undefined;

  /** Starts a host. Returns undefined on systems without Perl or pidfds. `mark` is added to its environment. */
  static async start(mark: Readonly<Record<string, string>>, log: Logger): Promise<SpawnHost | undefined> {
    const numbers = spawnHostNumbers();
    if (process.platform !== "linux" || numbers === undefined) return undefined;
    const child = spawn("perl", ["-e", spawnHostScript, ...numbers.map(String)], {
      // A session of its own, so that a signal to the server's group does not reach it.
      detached: true,
      cwd: "/",
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", ...hostVariables, ...mark },
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    const channel = child.stdio[3];
    if (!(channel instanceof Socket)) return undefined;
    const host = new SpawnHost(child, channel, log);
    const timer = setTimeout(() => child.kill("SIGKILL"), readyTimeoutMs);
    const ready = await new Promise<boolean>((resolve) => {
      host.#ready = resolve;
    });
    clearTimeout(timer);
    return ready ? host : undefined;
  }

  private constructor(child: ChildProcess, channel: Socket, log: Logger) {
    this.#child = child;
    this.#channel = channel;
    channel.on("data", (bytes: Buffer) => this.#receive(bytes));
    channel.on("error", () => {});
    channel.once("close", () => this.#onLost());
    child.on("error", () => this.#onLost());
    child.once("exit", () => this.#ended.resolve());
    child.stderr?.on("data", (bytes: Buffer) =>
      log.warn("the spawn host wrote to its standard error", { text: String(bytes) }),
    );
    child.unref();
    channel.unref();
    if (child.stderr instanceof Socket) child.stderr.unref();
  }

  /** True if the host died and can start nothing. */
  get isLost(): boolean {
    return this.#isLost;
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
    const frame = encodeFrame("run", [id, ...requestFields(request, base)]);
    if (frame.length > maxRequestBytes) throw new StartFailure(tooLong, "x");
    if (this.#isLost) throw new HostLost();
    if (this.#environment === undefined) {
      this.#environment = base;
      this.#channel.write(encodeFrame("env", Object.entries(base).flat()));
    }
    const pending: PendingCommand = {
      started: Promise.withResolvers(),
      exited: Promise.withResolvers(),
      output: Promise.withResolvers(),
    };
    // A caller may ignore some of the promises: that must not cause an unhandled rejection.
    pending.exited.promise.catch(() => {});
    pending.output.promise.catch(() => {});
    // The server's process must stay alive while a command runs.
    if (this.#commands.size === 0) this.#channel.ref();
    this.#commands.set(id, pending);
    this.#channel.write(frame);
    return await pending.started.promise;
  }

  /** Ends the host and its commands. Resolves when it has exited. */
  async close(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
      return;
    this.#child.ref();
    this.#channel.end();
    await this.#ended.promise;
  }

  #onLost(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#ready?.(false);
    this.#child.stderr?.destroy();
    for (const id of this.#commands.keys()) this.#fail(id, new HostLost());
  }

  #fail(id: number, error: Error): void {
    const pending = this.#forget(id);
    for (const each of [pending?.started, pending?.exited, pending?.output]) each?.reject(error);
  }

  #forget(id: number): PendingCommand | undefined {
    const pending = this.#commands.get(id);
    this.#commands.delete(id);
    if (this.#commands.size === 0) this.#channel.unref();
    return pending;
  }

  #receive(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    const head = this.#chunks[0];
    // A long output arrives in many chunks. Concatenate them once, when the frame is complete.
    if (head !== undefined && head.length >= 4 && this.#size < 4 + head.readUInt32BE(0)) return;
    let input = this.#chunks.length === 1 ? bytes : Buffer.concat(this.#chunks, this.#size);
    while (input.length >= 4) {
      const end = 4 + input.readUInt32BE(0);
      if (input.length < end) break;
      this.#handleFrame(input.subarray(4, end));
      input = input.subarray(end);
    }
    this.#chunks = input.length === 0 ? [] : [input];
    this.#size = input.length;
  }

  #handleFrame(body: Buffer): void {
    const id = body.readUInt32BE(1);
    const pending = this.#commands.get(id);
    switch (String.fromCharCode(body[0] ?? 0)) {
      case "R":
        this.#ready?.(id === version);
        break;
      case "S":
        pending?.started.resolve({
          pid: body.readUInt32BE(5),
          exited: pending.exited.promise,
          output: pending.output.promise,
          closePipes: () => {
            if (this.#commands.has(id)) this.#channel.write(encodeFrame("cut", [id]));
          },
        });
        break;
      case "F":
        this.#fail(id, new StartFailure(body.readUInt32BE(5), String.fromCharCode(body[9] ?? 0)));
        break;
      case "X":
        pending?.exited.resolve(decodeExit(body, false));
        break;
      case "D":
        this.#forget(id);
        pending?.exited.resolve(decodeExit(body, true));
        pending?.output.resolve(decodeOutput(body));
        break;
    }
  }
}

function requestFields(request: HostedRequest, base: Readonly<Record<string, string>>): (string | number)[] {
  const { program, args, cwd, env, keepBytes, group = "", makesGroup, limited } = request;
  const without = Object.keys(base).filter((name) => !Object.hasOwn(env, name));
  const added = Object.entries(env).filter(([name, value]) => base[name] !== value);
  const fields = [keepBytes, cwd, makesGroup ? 1 : 0, group, limited.length, ...limited, args.length + 1];
  return [...fields, program, ...args, without.length, ...without, ...added.flat()];
}

/** Throws TypeError for a field that contains NUL, which separates the fields. */
function encodeFrame(verb: string, fields: readonly (string | number)[]): Buffer {
  for (const field of fields) {
    if (typeof field === "string" && field.includes("\0"))
      throw new TypeError("an argument, variable or path contains a NUL character");
  }
  const body = Buffer.from([verb, ...fields].join("\0"));
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  return frame;
}

/** Decodes a status of wait(2). */
function decodeExit(body: Buffer, closed: boolean): HostedExit {
  const status = body.readUInt32BE(5);
  return { exitCode: (status & 0x7f) === 0 ? status >> 8 : null, remains: body[9] !== 0, closed };
}

function decodeOutput(body: Buffer): HostedOutput {
  const truncated = body[10] ?? 0;
  const end = 15 + body.readUInt32BE(11);
  return {
    stdout: body.subarray(15, end),
    stderr: body.subarray(end),
    stdoutTruncated: (truncated & 1) !== 0,
    stderrTruncated: (truncated & 2) !== 0,
  };
}
