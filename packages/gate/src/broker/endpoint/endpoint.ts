/** Endpoint process of one jail, with its ZeroMQ sockets. */
import { type ChildProcess, spawn } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import { dirname, join } from "node:path";
import { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError, type Logger } from "@holdfast/core";
import { spawnFault } from "../../jail/host/processes.ts";
import { endpointLimits } from "../broker-limits.ts";
import { wireSockets } from "../messages/wire.ts";
import {
  type EndpointProblem,
  FrameReader,
  frameKinds,
  type PeerRefused,
  type PeerRule,
  packJson,
  packRouted,
  type Routed,
  unpackRouted,
} from "./channel.ts";

export interface EndpointOptions {
  /** Directory of the sockets, created by the caller (0700). */
  readonly directory: string;
  readonly log: Logger;
  readonly onRequest: (request: Routed) => void;
  readonly onRefused: (refused: PeerRefused) => void;
  readonly onProblem: (problem: EndpointProblem) => void;
  /** Called when the process has ended unexpectedly. It is being restarted; all connections are lost. */
  readonly onLost: (how: string) => void;
}

/** Resource limits of the process. The memory limit comes in addition to what JavaScript reserves at its start. */
const bounded = `ulimit -c 0; ulimit -n ${endpointLimits.descriptors} || true; ulimit -d 2097152 || true; exec "$@"`;

/** Sockets of one jail, in a process of their own that is restarted whenever it ends. */
export class Endpoint {
  readonly #options: EndpointOptions;
  #process: ChildProcess | undefined;
  #channel: Duplex | undefined;
  #rule: PeerRule | undefined;
  #losses = 0;
  #closed = false;
  readonly #closing = new AbortController();

  private constructor(options: EndpointOptions) {
    this.#options = options;
  }

  /** Resolves when the sockets accept connections. Throws `broker.endpoint_failed`, `broker.path_too_long`. */
  static async open(options: EndpointOptions): Promise<Endpoint> {
    const longest = join(options.directory, wireSockets.request);
    // sun_path holds 108 bytes with the NUL at its end.
    if (Buffer.byteLength(longest) > 107) {
      throw new HoldfastError(
        "broker",
        "path_too_long",
        `The path of a socket exceeds 107 bytes: ${longest}. Use a shorter data directory or TMPDIR`,
        {
          statusCode: 500,
        },
      );
    }
    const endpoint = new Endpoint(options);
    await endpoint.#start();
    return endpoint;
  }

  /** Pid of the process that holds the sockets. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Sets which processes may connect. Until the first call, connections wait. */
  setRule(rule: PeerRule): void {
    this.#rule = rule;
    this.#channel?.write(packJson(frameKinds.peers, rule));
  }

  answer({ flags, id }: Pick<Routed, "flags" | "id">, bytes: Uint8Array): void {
    this.#channel?.write(packRouted(frameKinds.answer, flags, id, bytes));
  }

  publish(topic: string, bytes: Uint8Array): void {
    this.#channel?.write(packRouted(frameKinds.event, 0, Buffer.from(topic), bytes));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#closing.abort();
    const child = this.#process;
    this.#channel?.destroy();
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async #start(): Promise<void> {
    const child = this.#spawn();
    if (child.pid === undefined) throw failed(String(await spawnFault(child)));
    this.#process = child;
    const channel: unknown = Reflect.get(child.stdio, 3);
    if (!(channel instanceof Duplex)) throw failed("it has no channel");
    let errors = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      errors = (errors + chunk.toString("utf8")).slice(-2_000);
    });
    const ready = Promise.withResolvers<void>();
    const reader = new FrameReader((kind, body) => {
      if (kind === frameKinds.ready) ready.resolve();
      else this.#take(kind, body);
    });
    channel.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.#options.log.error("a broker endpoint sent an invalid frame", { error });
        child.kill("SIGKILL");
      }
    });
    channel.on("error", () => {});
    child.once("error", (error) => ready.reject(failed(error.message)));
    child.once("exit", (code, signal) => ready.reject(failed(`it ended with ${signal ?? code}: ${errors}`)));
    const timer = setTimeout(() => ready.reject(failed("it does not answer")), endpointLimits.startTimeoutMs);
    try {
      await ready.promise;
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    } finally {
      clearTimeout(timer);
    }
    this.#channel = channel;
    const startedAt = performance.now();
    child.once("exit", (code, signal) => {
      this.#channel = undefined;
      if (!this.#closed) void this.#restart(`${signal ?? code}`, performance.now() - startedAt, errors);
    });
    if (this.#rule !== undefined) this.setRule(this.#rule);
  }

  #spawn(): ChildProcess {
    const program = join(
      import.meta.dirname,
      import.meta.filename.endsWith(".ts") ? "endpoint-process.ts" : "endpoint-process.js",
    );
    const node = [process.execPath, "--disable-warning=ExperimentalWarning", program];
    return spawn("/bin/sh", ["-c", bounded, "sh", ...node, this.#options.directory], {
      cwd: "/",
      env: compileCache(),
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
  }

  #take(kind: number, body: Buffer): void {
    const { onRequest, onRefused, onProblem } = this.#options;
    switch (kind) {
      case frameKinds.request:
        return onRequest(unpackRouted(body));
      case frameKinds.refused:
        return onRefused(JSON.parse(body.toString("utf8")) as PeerRefused);
      case frameKinds.problem:
        return onProblem(JSON.parse(body.toString("utf8")) as EndpointProblem);
      default:
        throw new Error(`a frame of kind ${kind}`);
    }
  }

  async #restart(how: string, livedMs: number, errors: string): Promise<void> {
    this.#losses = livedMs > 10_000 ? 0 : this.#losses + 1;
    this.#options.log.warn("a broker endpoint ended and is being restarted", { how, errors });
    this.#options.onLost(how);
    for (;;) {
      const waitMs =
        this.#losses === 0 ? 0 : Math.min(50 * 2 ** this.#losses, endpointLimits.maxRestartDelayMs);
      try {
        await delay(waitMs, undefined, { signal: this.#closing.signal, ref: false });
        return await this.#start();
      } catch (error) {
        if (this.#closed) return;
        this.#losses += 1;
        this.#options.log.error("a broker endpoint could not be restarted", { error });
      }
    }
  }
}

/** Nothing of this process's environment but where it keeps compiled code: compiling is most of an endpoint's start. */
function compileCache(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir();
  // The directory of this version of Node, which each process appends by itself.
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) };
}

function failed(detail: string): HoldfastError {
  return new HoldfastError("broker", "endpoint_failed", `The broker's endpoint did not start: ${detail}`, {
    statusCode: 503,
  });
}
