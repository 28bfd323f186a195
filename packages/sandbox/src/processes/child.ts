import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { constants } from "node:os";
import { problem } from "../http/problem.ts";
import type { ProcessFamily } from "../internal/spawn/process-group.ts";
import type { Spawner, SpawnRequest } from "../internal/spawn/spawner.ts";
import type { Terminal, TerminalSize } from "../internal/spawn/terminal.ts";
import type { OutputStream } from "./output/log-ring.ts";

export interface ChildExit {
  /** Null after a signal. */
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** A running program, on pipes or on a terminal. */
export interface Child {
  readonly family: ProcessFamily;
  /** Resolves when the program has exited and its output was delivered. */
  readonly exited: Promise<ChildExit>;
  /** Throws `conflict` when the program no longer reads, or when too much input is pending. */
  write(bytes: Buffer): void;
  /** Ends the input; a terminal gets the character for that. */
  closeInput(): void;
  resize(size: TerminalSize): void;
}

/** Receives the output of a program in order. */
export type OutputListener = (stream: OutputStream, bytes: Buffer) => void;

/** How long the pipes of an exited program may stay open: a grandchild can hold them forever. */
const pipeGraceMs = 100;
/** Limit of input that a program has not read yet. */
const maxPendingInputBytes = 1_048_576;
/** Control-D. */
const endOfTransmission = 4;

/** Starts a program with pipes for its standard streams. */
export async function startOnPipes(
  spawner: Spawner,
  request: SpawnRequest,
  onOutput: OutputListener,
): Promise<Child> {
  const { child, family } = await spawner.withPipes(request);
  return new PipedChild(child, family, onOutput);
}

/** Starts a program on a pseudoterminal. */
export async function startOnTerminal(
  spawner: Spawner,
  request: SpawnRequest,
  size: TerminalSize,
  onOutput: OutputListener,
): Promise<Child> {
  const { terminal, family } = await spawner.withTerminal(request, size, (bytes) => onOutput("pty", bytes));
  return new TerminalChild(terminal, family);
}

class PipedChild implements Child {
  readonly family: ProcessFamily;
  readonly exited: Promise<ChildExit>;
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(child: ChildProcessWithoutNullStreams, family: ProcessFamily, onOutput: OutputListener) {
    this.#child = child;
    this.family = family;
    child.stdout.on("data", (bytes: Buffer) => onOutput("stdout", bytes));
    child.stderr.on("data", (bytes: Buffer) => onOutput("stderr", bytes));
    // Errors of closed pipes and late signals are harmless: the exit event follows.
    for (const part of [child, child.stdin, child.stdout, child.stderr]) part.on("error", () => {});
    this.exited = this.#watch();
  }

  write(bytes: Buffer): void {
    const { stdin } = this.#child;
    if (!stdin.writable) throw problem("conflict", 409, "the process no longer accepts input");
    if (stdin.writableLength + bytes.length > maxPendingInputBytes) throw unread();
    stdin.write(bytes);
  }

  closeInput(): void {
    this.#child.stdin.end();
  }

  resize(): void {
    throw problem("conflict", 409, "the process has no terminal");
  }

  async #watch(): Promise<ChildExit> {
    const child = this.#child;
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const exit = await new Promise<ChildExit>((resolve) =>
      child.once("exit", (exitCode, signal) => resolve({ exitCode, signal })),
    );
    const timer = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, pipeGraceMs);
    child.stdin.destroy();
    await closed;
    clearTimeout(timer);
    return exit;
  }
}

class TerminalChild implements Child {
  readonly family: ProcessFamily;
  readonly exited: Promise<ChildExit>;
  readonly #terminal: Terminal;
  #pendingBytes = 0;

  constructor(terminal: Terminal, family: ProcessFamily) {
    this.#terminal = terminal;
    this.family = family;
    this.exited = terminal.exited.then(({ exitCode, signal }) => ({ exitCode, signal: signalName(signal) }));
  }

  write(bytes: Buffer): void {
    if (this.#pendingBytes + bytes.length > maxPendingInputBytes) throw unread();
    this.#pendingBytes += bytes.length;
    void this.#terminal.write(bytes).finally(() => {
      this.#pendingBytes -= bytes.length;
    });
  }

  closeInput(): void {
    this.write(Buffer.from([endOfTransmission]));
  }

  resize(size: TerminalSize): void {
    this.#terminal.resize(size);
  }
}

function signalName(signal: number | null): string | null {
  if (signal === null) return null;
  return Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `SIG${signal}`;
}

function unread(): Error {
  return problem("conflict", 409, `the process has not yet read ${maxPendingInputBytes} bytes of input`);
}
