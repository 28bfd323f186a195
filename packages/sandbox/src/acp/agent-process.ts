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
  /** A line that is too long, or was cut off by the end of the process. */
  readonly onInvalid: (error: string, head: string) => void;
  readonly onExit: (exit: ProcessExit) => void;
  /** The agent has closed its input or output, and did not exit within {@link closedPipeGraceMs}. */
  readonly onPipeClosed: (reason: PipeClosedReason) => void;
}

export type PipeClosedReason = "agent_input_closed" | "agent_output_closed";

/** How long the pipes of a dead process may stay open: a grandchild can hold them forever. */
const pipeGraceMs = 200;
/** How long an agent that has closed a pipe gets to exit: a normal exit closes the pipes first. */
const closedPipeGraceMs = 500;
/** How long an agent gets to exit after the end of its input, and then after SIGTERM. */
const endOfInputGraceMs = 300;
const terminateGraceMs = 700;

/** A running agent process: lines in, lines out, one exit. */
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

  /** "broken" when the input is closed, "full" when the agent has too much input unread. */
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
   * Ends the agent and its descendants: end of input, then SIGTERM, then SIGKILL, within about a second.
   * `force` begins with SIGKILL. Resolves when no process is left.
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

  /** A pipe was closed: reports it unless the process exits soon. */
  #onPipeClosed(reason: PipeClosedReason): void {
    if (this.#ended || this.#pipeClosedTimer || !this.#isAlive()) return;
    this.#pipeClosedTimer = setTimeout(() => this.#events.onPipeClosed(reason), closedPipeGraceMs);
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
    // Signalling a process that has exited emits an error, which is harmless.
    this.#child.on("error", () => {});
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
      this.#child.once("exit", (code, name) => resolve([code, name])),
    );
    clearTimeout(this.#pipeClosedTimer);
    // Buffered output is delivered before the exit; a paused stream would keep it.
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
    // Descendants of a dead agent have no owner.
    if (!this.#ended) {
      this.#ended = this.#spawner.end(this.#family, 0);
      await this.#ended;
    }
  }
}
