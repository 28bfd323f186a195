import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { ProcessFamily } from "../internal/spawn/process-group.ts";
import type { Spawner, SpawnRequest } from "../internal/spawn/spawner.ts";
import type { SandboxLimits } from "../limits.ts";
import { LineSplitter } from "./lines.ts";
import { StderrTail } from "./stderr-tail.ts";

export interface ProcessExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

export interface ProcessEvents {
  readonly onLine: (line: string) => void;
  /** Something that is not a line of JSON-RPC: too long, or cut off by the end of the process. */
  readonly onInvalid: (error: string, head: string) => void;
  readonly onExit: (exit: ProcessExit) => void;
  /** The agent lives, and can no longer hear or be heard: one end of its pipes is closed. */
  readonly onPipeClosed: (reason: PipeClosedReason) => void;
}

export type PipeClosedReason = "agent_input_closed" | "agent_output_closed";

/** How long the pipes of a dead process may stay open: a grandchild can hold them for ever. */
const pipeGraceMs = 200;
/** How long an agent that has closed a pipe gets to exit: one that is about to closes them first. */
const severedGraceMs = 500;
/** How long an agent gets to exit after the end of its input, and then after SIGTERM. */
const endOfInputGraceMs = 300;
const terminateGraceMs = 700;

/** A running agent: lines in, lines out, one exit. */
export class AgentProcess {
  readonly stderr: StderrTail;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #family: ProcessFamily;
  readonly #spawner: Spawner;
  readonly #limits: SandboxLimits;
  readonly #events: ProcessEvents;
  readonly #exited: Promise<void>;
  #ended: Promise<void> | undefined;
  #inputBroken = false;
  #pipeClosedTimer: NodeJS.Timeout | undefined;

  static async start(
    spawner: Spawner,
    request: SpawnRequest,
    limits: SandboxLimits,
    events: ProcessEvents,
  ): Promise<AgentProcess> {
    const { child, family } = await spawner.withPipes(request);
    return new AgentProcess(child, family, spawner, limits, events);
  }

  private constructor(
    child: ChildProcessWithoutNullStreams,
    family: ProcessFamily,
    spawner: Spawner,
    limits: SandboxLimits,
    events: ProcessEvents,
  ) {
    this.#child = child;
    this.#family = family;
    this.#spawner = spawner;
    this.#limits = limits;
    this.#events = events;
    this.stderr = new StderrTail(limits.maxStderrLines, limits.maxStderrBytes);
    this.#exited = this.#watch();
  }

  /** False when the agent takes no more input, or has not read what it was sent before. */
  write(line: string): "written" | "full" | "broken" {
    if (this.#inputBroken || this.#child.stdin.destroyed) return "broken";
    if (this.#child.stdin.writableLength > this.#limits.maxAgentInputBytes) return "full";
    this.#child.stdin.write(`${line}\n`);
    return "written";
  }

  pauseOutput(): void {
    this.#child.stdout.pause();
  }

  resumeOutput(): void {
    this.#child.stdout.resume();
  }

  /**
   * Ends the agent and everything it started: end of input, then SIGTERM, then SIGKILL, at most
   * about a second in all. `force` goes straight to SIGKILL. Resolves when nobody is left.
   */
  end(force = false): Promise<void> {
    this.#ended ??= this.#end(force);
    return this.#ended;
  }

  async #end(force: boolean): Promise<void> {
    if (!force) {
      this.#child.stdin.end();
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, endOfInputGraceMs);
      });
      await Promise.race([this.#exited, patience]);
      clearTimeout(timer);
    }
    await this.#spawner.end(this.#family, force ? 0 : terminateGraceMs);
    await this.#exited;
  }

  /** A pipe was closed: the end of the process follows soon, or it is told that none does. */
  #onPipeClosed(reason: PipeClosedReason): void {
    if (this.#ended || this.#pipeClosedTimer || !this.#isAlive()) return;
    this.#pipeClosedTimer = setTimeout(() => this.#events.onPipeClosed(reason), severedGraceMs);
  }

  #isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #watch(): Promise<void> {
    const { onLine, onInvalid, onExit } = this.#events;
    this.#child.stdout.once("end", () => this.#onPipeClosed("agent_output_closed"));
    const lines = new LineSplitter(this.#limits.maxLineBytes, onLine, (head) =>
      onInvalid(`line exceeds ${this.#limits.maxLineBytes} bytes`, head),
    );
    this.#child.stdout.on("data", (bytes: Buffer) => lines.push(bytes));
    this.#child.stderr.on("data", (bytes: Buffer) => this.stderr.push(bytes));
    this.#child.stdin.on("error", () => {
      this.#inputBroken = true;
      this.#onPipeClosed("agent_input_closed");
    });
    // Failing to signal a process that is gone is reported as an event; nothing follows from it.
    this.#child.on("error", () => {});
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
      this.#child.once("exit", (code, name) => resolve([code, name])),
    );
    clearTimeout(this.#pipeClosedTimer);
    // A paused stream would keep its last lines; what is buffered is delivered before the exit is told.
    this.#child.stdout.resume();
    const timer = setTimeout(() => {
      this.#child.stdout.destroy();
      this.#child.stderr.destroy();
    }, pipeGraceMs);
    await closed;
    clearTimeout(timer);
    this.#child.stdin.destroy();
    const rest = lines.end();
    if (rest !== undefined) onInvalid("the output ended within a line", rest.slice(0, 200));
    onExit({ exitCode, signal, stderr: this.stderr.toString() });
    // What a dead agent leaves behind belongs to nobody.
    if (!this.#ended) {
      this.#ended = this.#spawner.end(this.#family, 0);
      await this.#ended;
    }
  }
}
