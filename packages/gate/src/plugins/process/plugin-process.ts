/** A plugin's process: launch, requests, restart, replacement. */
import { HoldfastError } from "@holdfast/core";
import type { JailExit } from "../../jail/jail.ts";
import type { SecretScanner } from "../../vault/redaction/secret-scanner.ts";
import { pluginLimits } from "../plugin-limits.ts";
import { PluginLoadError } from "../plugin-load-error.ts";
import { encodeFrame, FrameReader } from "../runtime/frames.ts";
import type { HostMessage, ProcessMessage, Question, StartMessage } from "../runtime/messages.ts";
import type { LaunchedPlugin } from "./launcher.ts";
import { OutputTail } from "./output-tail.ts";

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
  readonly onQuestion: (question: Question, process: PluginProcess) => Promise<unknown>;
  /** Called when the process ends unexpectedly, with the reason and the end of its output. */
  readonly onCrash: (detail: string, output: string) => void;
  /** Creates a scanner that redacts the secrets known now from the plugin's output. */
  readonly scanner: () => SecretScanner;
}

/** A request without an answer yet. */
interface PendingRequest {
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
  readonly #pending = new Map<number, PendingRequest>();
  readonly #idleListeners: (() => void)[] = [];
  readonly #ready = Promise.withResolvers<readonly string[]>();
  readonly #exited: Promise<JailExit>;
  #lastId = 0;
  #openQuestions = 0;
  /** Bytes of answers that the process has not read yet. */
  #unreadAnswerBytes = 0;
  #calls = 0;
  #stopping = false;
  #isReady = false;
  #fault = "";
  readonly #output: OutputTail;
  #alive = true;

  private constructor(launched: LaunchedPlugin, ports: ProcessPorts) {
    this.#launched = launched;
    this.#ports = ports;
    this.confined = launched.confined;
    this.pid = launched.jail.pid;
    this.presented = launched.presented;
    this.#output = new OutputTail(ports.scanner());
    const reader = new FrameReader();
    launched.jail.stdout.on("data", (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) this.#receive(message);
      } catch (error) {
        this.#kill(`its channel broke: ${String(error)}`);
      }
    });
    launched.jail.stderr.on("data", (chunk: Buffer) => this.#output.push(chunk));
    this.#exited = launched.jail.exited.then((exit) => this.#onExit(exit));
  }

  /**
   * Initializes a launched process and waits until its handler is ready.
   * Throws {@link PluginLoadError} after it has stopped the process.
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
            `The plugin did not finish its initialization within ${pluginLimits.initializeMs} ms`,
          ),
        ),
      pluginLimits.initializeMs,
    );
    try {
      process.handles = await Promise.race([process.#ready.promise, late]);
      return process;
    } catch (error) {
      process.#stopping = true;
      await process.#stop(0);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get alive(): boolean {
    return this.#alive && !this.#stopping;
  }

  /** Calls in flight. */
  get calls(): number {
    return this.#calls;
  }

  /** Sends a message without an answer. */
  notify(message: Extract<HostMessage, { type: "catalog" | "credentials" }>): void {
    if (!this.alive) return;
    // The scanner must know the new credentials before the process can print them.
    if (message.type === "credentials") this.#output.renew(this.#ports.scanner());
    this.#send(message);
  }

  /** Throws `plugin.unavailable`, `plugin.timeout`, or the reason of an aborted signal. */
  async request(request: Request, options: RequestOptions): Promise<Answer> {
    if (!this.#alive) throw unavailable("The plugin's process has ended. Call the plugin again to start it");
    options.signal?.throwIfAborted();
    const id = ++this.#lastId;
    options.onId?.(id);
    const answer = Promise.withResolvers<Answer>();
    this.#pending.set(id, { ...answer, onProgress: options.onProgress });
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
      // With the id, the request is a complete message again.
      this.#send({ ...request, id } as PluginQuestion);
      return await answer.promise;
    } catch (error) {
      if (this.#pending.has(id) && this.alive && request.type !== "ping") this.#cancel(id);
      throw error;
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", onAbort);
      this.#pending.delete(id);
      this.#calls -= 1;
      if (this.#calls === 0) for (const idle of this.#idleListeners.splice(0)) idle();
    }
  }

  /** Cancels a call whose caller has left, and kills the process if it no longer answers. */
  #cancel(id: number): void {
    this.#send({ type: "cancel", id });
    this.request({ type: "ping" }, { timeoutMs: pluginLimits.unresponsiveMs }).catch(() => {
      if (this.alive) this.#kill("it no longer responds");
    });
  }

  /**
   * Lets calls in flight finish for at most `drainMs`, then shuts the handler down and stops the process. Of
   * concurrent calls, the first whose time is up does so. Resolves with the problem of the handler's shutdown, if
   * this call requested it.
   */
  async close(drainMs: number): Promise<string | undefined> {
    if (!this.#stopping && drainMs > 0 && this.#calls > 0) await this.#waitUntilIdle(drainMs);
    if (this.#stopping) {
      await this.#exited;
      return undefined;
    }
    if (!this.#alive) return undefined;
    const shutdown = this.request({ type: "shutdown" }, { timeoutMs: pluginLimits.shutdownMs });
    this.#stopping = true;
    const problem = await shutdown.then(
      (answer) => (answer.type === "thrown" ? `it threw: ${answer.message}` : undefined),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    await this.#stop(100);
    return problem;
  }

  #waitUntilIdle(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, drainMs);
      this.#idleListeners.push(() => {
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

  async #onExit(exit: JailExit): Promise<JailExit> {
    this.#alive = false;
    const output = this.#output.end();
    const cause = this.#fault || describeExit(exit);
    this.#ready.reject(new PluginLoadError("init_error", `The plugin's process ended (${cause}): ${output}`));
    for (const { reject } of this.#pending.values())
      reject(unavailable("The plugin's process ended during the call. The log says why"));
    await this.#launched.close();
    // `start` reports a process that never became ready.
    if (!this.#stopping && this.#isReady) this.#ports.onCrash(cause, output);
    return exit;
  }

  #send(message: HostMessage): void {
    // The exit of the process reports a broken pipe.
    if (this.#alive) this.#launched.jail.stdin.write(encodeFrame(message));
  }

  #receive(message: unknown): void {
    if (!isProcessMessage(message)) throw new Error("a message of an unknown type");
    switch (message.type) {
      case "ready":
        this.#isReady = true;
        this.#ready.resolve(Array.isArray(message.handles) ? message.handles : []);
        return;
      case "failed":
        this.#ready.reject(new PluginLoadError(message.category, message.message));
        return;
      case "progress":
        this.#pending.get(message.id)?.onProgress?.(message);
        return;
      case "ask":
        void this.#answerQuestion(message.id, message.ask);
        return;
      case "result":
      case "error":
      case "thrown":
      case "done":
        this.#pending.get(message.id)?.resolve(message);
        this.#pending.delete(message.id);
        return;
    }
  }

  async #answerQuestion(id: number, question: Question): Promise<void> {
    if (this.#openQuestions >= pluginLimits.maxQuestions) {
      this.#reply({
        type: "failure",
        id,
        message: `More than ${pluginLimits.maxQuestions} requests to the gate at once. Wait for some of the answers`,
      });
      return;
    }
    this.#openQuestions += 1;
    try {
      const value = await this.#ports.onQuestion(question, this);
      this.#reply({ type: "answer", id, value: value ?? null });
    } catch (error) {
      const text =
        error instanceof HoldfastError
          ? error.message
          : "The gate could not answer the request; its log says why";
      this.#reply({ type: "failure", id, message: text });
    } finally {
      this.#openQuestions -= 1;
    }
  }

  /** Kills a process that sends requests and never reads the answers, which would fill the gate's memory. */
  #reply(message: Extract<HostMessage, { type: "answer" | "failure" }>): void {
    if (!this.#alive) return;
    if (this.#unreadAnswerBytes > pluginLimits.maxUnreadAnswerBytes) {
      this.#kill("it sends requests and does not read the answers");
      return;
    }
    const frame = encodeFrame(message);
    this.#unreadAnswerBytes += frame.length;
    this.#launched.jail.stdin.write(frame, () => {
      this.#unreadAnswerBytes -= frame.length;
    });
  }
}

function describeExit({ reason, code, signal, detail }: JailExit): string {
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

/** Checks the type only. The process is untrusted: every use of another field checks that field. */
function isProcessMessage(value: unknown): value is ProcessMessage {
  return typeof value === "object" && value !== null && messageTypes.has(Reflect.get(value, "type"));
}
