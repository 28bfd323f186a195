import type { ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";
import type { HostedCommand, HostedExit, HostedOutput } from "@holdfast/core/spawn-host";
import { settlesWithin } from "../with-timeout.ts";
import type { ProcessFamily } from "./process-group.ts";

/** A running command without input. The beginning of its output is captured. */
export interface CapturedCommand {
  readonly family: ProcessFamily;
  /**
   * Resolves when the command has exited. Rejects with the system's error if its program could not be executed, and
   * with `HostLost` if its spawn host died.
   */
  readonly exited: Promise<HostedExit>;
  /** Returns the captured output. Call it after the exit. Waits up to `graceMs` for the pipes to end. */
  collect(graceMs: number): Promise<HostedOutput>;
}

/** A command started by a spawn host, which also reads its output. */
export class HostedCapture implements CapturedCommand {
  readonly family: ProcessFamily;
  readonly exited: Promise<HostedExit>;
  readonly #command: HostedCommand;

  /** `exited` is the promise of the command with its errors translated to system errors. */
  constructor(command: HostedCommand, family: ProcessFamily, exited: Promise<HostedExit>) {
    this.#command = command;
    this.family = family;
    this.exited = exited;
  }

  async collect(graceMs: number): Promise<HostedOutput> {
    if (!(await this.exited).closed) {
      await settlesWithin(this.#command.output, graceMs);
      this.#command.closePipes();
    }
    return await this.#command.output;
  }
}

/** A command that is a child of this process. */
export class DirectCapture implements CapturedCommand {
  readonly family: ProcessFamily;
  readonly exited: Promise<HostedExit>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #closed: Promise<void>;
  readonly #stdout: BoundedCapture;
  readonly #stderr: BoundedCapture;

  constructor(
    child: ChildProcessByStdio<null, Readable, Readable>,
    family: ProcessFamily,
    keepBytes: number,
  ) {
    this.#child = child;
    this.family = family;
    this.#stdout = new BoundedCapture(child.stdout, keepBytes);
    this.#stderr = new BoundedCapture(child.stderr, keepBytes);
    this.#closed = new Promise((resolve) => child.once("close", () => resolve()));
    this.exited = new Promise((resolve) =>
      child.once("exit", (exitCode) => resolve({ exitCode, remains: true, closed: false })),
    );
  }

  async collect(graceMs: number): Promise<HostedOutput> {
    await settlesWithin(this.#closed, graceMs);
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
    return {
      stdout: this.#stdout.bytes(),
      stderr: this.#stderr.bytes(),
      stdoutTruncated: this.#stdout.truncated,
      stderrTruncated: this.#stderr.truncated,
    };
  }
}

/** Collects the first bytes of a stream. The rest is read and dropped, so that the writer does not block. */
class BoundedCapture {
  truncated = false;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(stream: Readable, maxBytes: number) {
    stream.on("data", (chunk: Buffer) => {
      const room = maxBytes - this.#size;
      if (chunk.length > room) this.truncated = true;
      if (room <= 0) return;
      const captured = chunk.subarray(0, room);
      this.#chunks.push(captured);
      this.#size += captured.length;
    });
    // A broken pipe ends the stream; the exit of the process reports the cause.
    stream.on("error", () => {});
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks, this.#size);
  }
}
