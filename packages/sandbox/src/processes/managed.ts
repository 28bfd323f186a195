import type { Logger } from "@holdfast/core";
import { problem } from "../http/problem.ts";
import type { LimitName } from "../internal/spawn/command-limits.ts";
import { familyMembers, signalFamily } from "../internal/spawn/process-group.ts";
import type { Spawner, SpawnRequest } from "../internal/spawn/spawner.ts";
import type { TerminalSize } from "../internal/spawn/terminal.ts";
import { type Child, type ChildExit, startOnPipes, startOnTerminal } from "./child.ts";
import { OutputRing } from "./output/log-ring.ts";
import type { ProcessInfo, ProcessOwner, ProcessSpec } from "./spec.ts";
import { HealthMonitor } from "./supervision/health.ts";
import { Notifier } from "./supervision/notifier.ts";
import type { StoredProcess } from "./supervision/state-file.ts";

/** A managed process as the routes use it, started by this server or by an earlier one. */
export interface Managed {
  readonly id: string;
  readonly owner: ProcessOwner;
  readonly name: string | undefined;
  readonly tty: boolean;
  readonly output: OutputRing;
  /** Notifies of output, exit and restart. */
  readonly changed: Notifier;
  /** Whether it has exited and no restart is pending. */
  readonly ended: boolean;
  info(): ProcessInfo;
  /** Sends SIGTERM to the complete process family, and SIGHUP if it has a terminal, because shells ignore SIGTERM. */
  stop(): void;
  /** Sends SIGKILL to the complete process family, repeatedly while it forks. */
  kill(): void;
  write(bytes: Buffer): void;
  closeInput(): void;
  resize(size: TerminalSize): void;
  /** Process ids of the family, descendants included. */
  members(): number[];
  /** Cancels a pending restart and prevents further ones. */
  cancelRestart(): void;
  /** Cancels a pending restart and waits for remaining descendants. The process must have exited. */
  release(): Promise<void>;
}

/** Dependencies of a managed process. */
export interface ManagedContext {
  readonly spawner: Spawner;
  readonly log: Logger;
  readonly maxLogBytes: number;
  /** Called after a start, an exit, or a cancelled restart. */
  readonly onChange: () => void;
}

/** How long descendants of an exited program get between SIGTERM and SIGKILL. */
const descendantsGraceMs = 500;

/** A process that this server started, across its restarts. */
export class ManagedProcess implements Managed {
  readonly id: string;
  readonly owner: ProcessOwner;
  readonly spec: ProcessSpec;
  readonly output: OutputRing;
  readonly changed = new Notifier();
  readonly createdAtMs = Date.now();
  readonly #request: SpawnRequest;
  readonly #context: ManagedContext;
  #child: Child | undefined;
  #exit: (ChildExit & { readonly atMs: number }) | undefined;
  /** Limits hit by the last completed run. */
  #limitsHit: readonly LimitName[] = [];
  #size: TerminalSize;
  #mayRestart = true;
  /** From `performance.now()`, which clock changes do not affect. */
  #startedAt = 0;
  #restarts = 0;
  /** Restarts since the last stable run. */
  #consecutiveRestarts = 0;
  #restart: { readonly timer: NodeJS.Timeout; readonly atMs: number } | undefined;
  #starting = false;
  #ending: Promise<void> = Promise.resolve();
  #health: HealthMonitor | undefined;

  constructor(
    id: string,
    owner: ProcessOwner,
    spec: ProcessSpec,
    request: SpawnRequest,
    context: ManagedContext,
  ) {
    this.id = id;
    this.owner = owner;
    this.spec = spec;
    this.output = new OutputRing(context.maxLogBytes);
    this.#request = request;
    this.#context = context;
    this.#size = spec.size;
  }

  get name(): string | undefined {
    return this.spec.name;
  }

  get tty(): boolean {
    return this.spec.tty;
  }

  get ended(): boolean {
    return this.#child === undefined && this.#restart === undefined && !this.#starting;
  }

  /** State file entry of the running process. Without the environment, which may contain secrets. */
  stored(): StoredProcess | undefined {
    if (!this.#child) return undefined;
    const { command, args, cwd, tty, interactive, name } = this.spec;
    return {
      id: this.id,
      owner: this.owner,
      createdAtMs: this.createdAtMs,
      family: this.#child.family,
      spec: {
        command,
        args,
        tty,
        interactive,
        ...(cwd === undefined ? {} : { cwd }),
        ...(name === undefined ? {} : { name }),
      },
    };
  }

  /** Starts the program. Rejects with the system's error if it cannot start. */
  async start(): Promise<void> {
    const { spawner } = this.#context;
    this.#starting = true;
    try {
      const onOutput: Parameters<typeof startOnPipes>[2] = (stream, bytes) => {
        this.output.append(stream, bytes, Date.now());
        this.changed.notify();
      };
      this.#startedAt = performance.now();
      this.#child = this.spec.tty
        ? await startOnTerminal(spawner, this.#request, this.#size, onOutput)
        : await startOnPipes(spawner, this.#request, onOutput);
    } finally {
      this.#starting = false;
    }
    this.#exit = undefined;
    void this.#watch(this.#child);
    // stop() may have been called during the start.
    if (!this.#mayRestart) this.kill();
    else this.#watchHealth();
    this.#notifyChange();
  }

  info(): ProcessInfo {
    const { spec } = this;
    const exit = this.#exit;
    return {
      id: this.id,
      command: spec.command,
      args: spec.args,
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      tty: spec.tty,
      interactive: spec.interactive,
      owner: this.owner,
      status: this.#child ? "running" : "exited",
      ...(this.#child ? { pid: this.#child.family.pid } : {}),
      ...(exit?.exitCode == null ? {} : { exitCode: exit.exitCode }),
      createdAtMs: this.createdAtMs,
      ...(exit ? { exitedAtMs: exit.atMs } : {}),
      ...(exit?.signal == null ? {} : { signal: exit.signal }),
      ...(this.#limitsHit.length === 0 ? {} : { limitsHit: this.#limitsHit }),
      ...(spec.name === undefined ? {} : { name: spec.name }),
      ...(spec.restart ? { restarts: this.#restarts } : {}),
      ...(this.#restart ? { restartAtMs: this.#restart.atMs } : {}),
      ...(this.#health ? { health: this.#health.info() } : {}),
    };
  }

  stop(): void {
    this.cancelRestart();
    const family = this.#child?.family;
    if (!family) return;
    signalFamily(family, "SIGTERM");
    if (this.tty) signalFamily(family, "SIGHUP");
  }

  kill(): void {
    this.cancelRestart();
    this.#killChild();
  }

  write(bytes: Buffer): void {
    if (!this.#child) throw notRunning();
    this.#child.write(bytes);
  }

  closeInput(): void {
    if (!this.#child) throw notRunning();
    this.#child.closeInput();
  }

  resize(size: TerminalSize): void {
    if (!this.#child) throw notRunning();
    this.#size = size;
    this.#child.resize(size);
  }

  members(): number[] {
    return this.#child ? familyMembers(this.#child.family) : [];
  }

  async release(): Promise<void> {
    this.cancelRestart();
    await this.#ending;
  }

  #killChild(): void {
    const family = this.#child?.family;
    if (family) this.#ending = this.#context.spawner.end(family, 0);
  }

  async #watch(child: Child): Promise<void> {
    const exit = await child.exited;
    this.#health?.stop();
    this.#child = undefined;
    this.#exit = { ...exit, atMs: Date.now() };
    this.#limitsHit = this.#context.spawner.limitsHit(child.family);
    const failed = exit.exitCode !== 0;
    const delayMs = this.#restartDelay(failed);
    this.#ending = this.#context.spawner.end(child.family, descendantsGraceMs);
    if (delayMs !== undefined) this.#scheduleRestart(delayMs);
    this.#notifyChange();
  }

  /** Returns the backoff before the next restart; undefined if the policy allows none. */
  #restartDelay(failed: boolean): number | undefined {
    const { restart } = this.spec;
    if (!this.#mayRestart || !restart || restart.policy === "never") return undefined;
    if (restart.policy === "on-failure" && !failed) return undefined;
    if (performance.now() - this.#startedAt > restart.maxBackoffMs) this.#consecutiveRestarts = 0;
    if (restart.maxRestarts > 0 && this.#consecutiveRestarts >= restart.maxRestarts) return undefined;
    const delayMs = Math.min(
      restart.backoffMs * 2 ** Math.min(this.#consecutiveRestarts, 30),
      restart.maxBackoffMs,
    );
    this.#consecutiveRestarts += 1;
    return delayMs;
  }

  #scheduleRestart(delayMs: number): void {
    const timer = setTimeout(() => void this.#restartNow(), delayMs);
    this.#restart = { timer, atMs: Date.now() + delayMs };
  }

  async #restartNow(): Promise<void> {
    this.#restart = undefined;
    this.#starting = true;
    // Descendants of the last run may hold the port that the next one needs.
    await this.#ending;
    if (!this.#mayRestart) {
      this.#starting = false;
      this.#notifyChange();
      return;
    }
    this.#restarts += 1;
    try {
      await this.start();
    } catch (error) {
      this.#context.log.warn("restart of a process failed", { id: this.id, cause: String(error) });
      const delayMs = this.#restartDelay(true);
      if (delayMs !== undefined) this.#scheduleRestart(delayMs);
      this.#notifyChange();
    }
  }

  cancelRestart(): void {
    this.#mayRestart = false;
    if (!this.#restart) return;
    clearTimeout(this.#restart.timer);
    this.#restart = undefined;
    this.#notifyChange();
  }

  #watchHealth(): void {
    const { health } = this.spec;
    if (!health) return;
    this.#health = new HealthMonitor(health, this.#request, this.#context.spawner, {
      onChange: () => this.changed.notify(),
      onUnhealthy: () => {
        if (health.restart) this.#killChild();
      },
    });
    this.#health.start();
  }

  #notifyChange(): void {
    this.changed.notify();
    this.#context.onChange();
  }
}

function notRunning(): Error {
  return problem("conflict", 409, "the process is not running");
}
