import { HoldfastError } from "@holdfast/core";
import type { JailExit } from "../jail/jail.ts";
import type { SecretScanner } from "../vault/redaction/secret-scanner.ts";
import type { LaunchedPlugin } from "./launcher.ts";
import { OutputTail } from "./output-tail.ts";
import { pluginLimits } from "./plugin-limits.ts";
import { PluginLoadError } from "./plugin-load-error.ts";
import { encodeFrame, FrameReader } from "./runtime/frames.ts";
import type { HostMessage, ProcessMessage, Question, StartMessage } from "./runtime/messages.ts";

export function unavailable(message: string, retryAfterMs?: number): HoldfastError {
  return new HoldfastError("plugin", "unavailable", message, {
    statusCode: 503,
    ...(retryAfterMs === undefined ? {} : { metadata: { retryAfter: Math.ceil(retryAfterMs / 1_000) } }),
  });
}

export type PluginQuestion = Extract<
  HostMessage,
  { type: "invoke" | "event" | "resolve_session" | "verify" | "shutdown" | "ping" }
>;
type Request = PluginQuestion extends infer Each
  ? Each extends { id: number }
    ? Omit<Each, "id">
    : never
  : never;
export type Answer = Extract<ProcessMessage, { type: "result" | "error" | "thrown" | "done" }>;
export type Progress = Extract<ProcessMessage, { type: "progress" }>;

export interface RequestOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Called with the id by which the plugin's own requests refer to this one. */
  readonly onId?: (id: number) => void;
}

export interface ProcessPorts {
  /** Answers a request of the plugin; rejects to refuse it. */
  readonly onQuestion: (question: Question) => Promise<unknown>;
  /** Called with the reason when the process ends unexpectedly. */
  readonly onCrash: (detail: string, printed: string) => void;
  /** Creates a scanner that redacts the secrets known now from the plugin's output. */
  readonly scanner: () => SecretScanner;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** One running process of one version of a plugin. */
export class PluginProcess {
  readonly confined: boolean;
  readonly pid: number;
  /** Fingerprint of the credentials its egress presents; see {@link LaunchedPlugin}. */
  readonly presented: string;
  /** Optional functions that the handler implements. */
  handles: readonly string[] = [];
  readonly #launched: LaunchedPlugin;
  readonly #ports: ProcessPorts;
  readonly #waiting = new Map<number, Waiting>();
  readonly #idle: (() => void)[] = [];
  readonly #ready = Promise.withResolvers<readonly string[]>();
  readonly #exited: Promise<JailExit>;
  #lastId = 0;
  #questions = 0;
  /** Bytes of answers that the process has not read yet. */
  #unread = 0;
  #calls = 0;
  #ending = false;
  #isReady = false;
  #fault = "";
  readonly #printed: OutputTail;
  #alive = true;

  private constructor(launched: LaunchedPlugin, ports: ProcessPorts) {
    this.#launched = launched;
    this.#ports = ports;
    this.confined = launched.confined;
    this.pid = launched.jail.pid;
    this.presented = launched.presented;
    this.#printed = new OutputTail(ports.scanner());
    const reader = new FrameReader();
    launched.jail.stdout.on("data", (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) this.#receive(message);
      } catch (error) {
        this.#kill(`its channel broke: ${String(error)}`);
      }
    });
    launched.jail.stderr.on("data", (chunk: Buffer) => this.#printed.push(chunk));
    this.#exited = launched.jail.exited.then((exit) => this.#ended(exit));
  }

  /**
   * Initializes a launched process and waits until its handler is ready.
   * Throws {@link PluginLoadError}; then the process is over.
   */
  static async start(
    launched: LaunchedPlugin,
    message: StartMessage,
    ports: ProcessPorts,
  ): Promise<PluginProcess> {
    const process = new PluginProcess(launched, ports);
    process.#send(message);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () =>
        reject(
          new PluginLoadError(
            "timeout",
            `The plugin was not initialized within ${pluginLimits.initializeMs} ms`,
          ),
        ),
      pluginLimits.initializeMs,
    );
    try {
      process.handles = await Promise.race([process.#ready.promise, late]);
      return process;
    } catch (error) {
      process.#ending = true;
      await process.#stop(0);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get alive(): boolean {
    return this.#alive && !this.#ending;
  }

  /** Calls in flight. */
  get calls(): number {
    return this.#calls;
  }

  /** Sends a message that has no answer. */
  tell(message: Extract<HostMessage, { type: "catalog" | "credentials" }>): void {
    if (!this.alive) return;
    // The new credentials are known to the gate by now.
    if (message.type === "credentials") this.#printed.renew(this.#ports.scanner());
    this.#send(message);
  }

  /** Throws `plugin.unavailable`, `plugin.timeout`, or the reason of an aborted signal. */
  async request(request: Request, options: RequestOptions): Promise<Answer> {
    if (!this.#alive) throw unavailable("The plugin's process has ended");
    options.signal?.throwIfAborted();
    const id = ++this.#lastId;
    options.onId?.(id);
    const answer = Promise.withResolvers<Answer>();
    this.#waiting.set(id, { ...answer, onProgress: options.onProgress });
    const timer = setTimeout(
      () =>
        answer.reject(
          new HoldfastError("plugin", "timeout", `The plugin did not answer within ${options.timeoutMs} ms`, {
            statusCode: 504,
          }),
        ),
      options.timeoutMs,
    );
    const onAbort = () => answer.reject(options.signal?.reason);
    options.signal?.addEventListener("abort", onAbort, { once: true });
    this.#calls += 1;
    try {
      // The id makes it one of the asked messages again.
      this.#send({ ...request, id } as PluginQuestion);
      return await answer.promise;
    } catch (error) {
      if (this.#waiting.has(id) && this.alive && request.type !== "ping") this.#giveUp(id);
      throw error;
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", onAbort);
      this.#waiting.delete(id);
      this.#calls -= 1;
      if (this.#calls === 0) for (const idle of this.#idle.splice(0)) idle();
    }
  }

  /** Cancels a call that nobody waits for, and ends a process that no longer answers. */
  #giveUp(id: number): void {
    this.#send({ type: "cancel", id });
    this.request({ type: "ping" }, { timeoutMs: pluginLimits.unresponsiveMs }).catch(() => {
      if (this.alive) this.#kill("it no longer answers");
    });
  }

  /**
   * Lets calls in flight finish for at most `drainMs`, then shuts down and ends the process; of several that ask for
   * it, the first to be out of time does. Resolves with what was wrong about the handler's shutdown, where this one
   * asked for it and something was.
   */
  async close(drainMs: number): Promise<string | undefined> {
    if (!this.#ending && drainMs > 0 && this.#calls > 0) await this.#untilIdle(drainMs);
    if (this.#ending) {
      await this.#exited;
      return undefined;
    }
    if (!this.#alive) return undefined;
    const shutdown = this.request({ type: "shutdown" }, { timeoutMs: pluginLimits.shutdownMs });
    this.#ending = true;
    const problem = await shutdown.then(
      (answer) => (answer.type === "thrown" ? `it threw: ${answer.message}` : undefined),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    await this.#stop(100);
    return problem;
  }

  #untilIdle(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, drainMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #stop(graceMs: number): Promise<void> {
    await this.#launched.jail.stop({ graceMs });
    await this.#exited;
  }

  #kill(fault: string): void {
    this.#fault ||= fault;
    void this.#launched.jail.stop({ graceMs: 0 });
  }

  async #ended(exit: JailExit): Promise<JailExit> {
    this.#alive = false;
    const printed = this.#printed.end();
    const how = this.#fault || howItEnded(exit);
    this.#ready.reject(new PluginLoadError("init_error", `The plugin's process ended (${how}): ${printed}`));
    for (const { reject } of this.#waiting.values()) reject(unavailable("The plugin's process ended"));
    await this.#launched.close();
    // A process that never came up is reported by its start.
    if (!this.#ending && this.#isReady) this.#ports.onCrash(how, printed);
    return exit;
  }

  #send(message: HostMessage): void {
    // A broken pipe is reported by the exit of the process.
    if (this.#alive) this.#launched.jail.stdin.write(encodeFrame(message));
  }

  #receive(message: unknown): void {
    if (!isProcessMessage(message)) throw new Error("an unknown message");
    switch (message.type) {
      case "ready":
        this.#isReady = true;
        this.#ready.resolve(Array.isArray(message.handles) ? message.handles : []);
        return;
      case "failed":
        this.#ready.reject(new PluginLoadError(message.category, message.message));
        return;
      case "progress":
        this.#waiting.get(message.id)?.onProgress?.(message);
        return;
      case "ask":
        void this.#answerQuestion(message.id, message.ask);
        return;
      case "result":
      case "error":
      case "thrown":
      case "done":
        this.#waiting.get(message.id)?.resolve(message);
        this.#waiting.delete(message.id);
        return;
    }
  }

  async #answerQuestion(id: number, question: Question): Promise<void> {
    if (this.#questions >= pluginLimits.maxQuestions) {
      this.#reply({ type: "failure", id, message: "Too many questions at once" });
      return;
    }
    this.#questions += 1;
    try {
      const value = await this.#ports.onQuestion(question);
      this.#reply({ type: "answer", id, value: value ?? null });
    } catch (error) {
      const text = error instanceof HoldfastError ? error.message : "The gate could not answer";
      this.#reply({ type: "failure", id, message: text });
    } finally {
      this.#questions -= 1;
    }
  }

  /** Bounds memory: a process that asks and never reads the answers would fill the gate's. */
  #reply(message: Extract<HostMessage, { type: "answer" | "failure" }>): void {
    if (!this.#alive) return;
    if (this.#unread > pluginLimits.maxUnreadAnswerBytes) {
      this.#kill("it asks, and reads no answers");
      return;
    }
    const frame = encodeFrame(message);
    this.#unread += frame.length;
    this.#launched.jail.stdin.write(frame, () => {
      this.#unread -= frame.length;
    });
  }
}

function howItEnded({ reason, code, signal, detail }: JailExit): string {
  return detail === undefined ? `${reason}, code ${code}, signal ${signal}` : `${reason}: ${detail}`;
}

const messageTypes: ReadonlySet<unknown> = new Set([
  "ready",
  "failed",
  "result",
  "error",
  "thrown",
  "progress",
  "done",
  "ask",
]);

/** The plugin's process is not trusted with more than its own calls: each use of a field checks it again. */
function isProcessMessage(value: unknown): value is ProcessMessage {
  return typeof value === "object" && value !== null && messageTypes.has(Reflect.get(value, "type"));
}
