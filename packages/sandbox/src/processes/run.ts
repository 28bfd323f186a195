import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { LimitName } from "../internal/command-limits.ts";
import type { Spawner, SpawnRequest } from "../internal/spawner.ts";

export interface RunLimits {
  readonly timeoutMs: number;
  /** Of each stream. */
  readonly maxOutputBytes: number;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

export interface RunOutcome {
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
  readonly durationMs: number;
  /** The limits that the command ran into; absent when there were none. */
  readonly limitsHit?: readonly LimitName[];
}

/** How long output is awaited after the end: what hides from us may hold the pipes for ever. */
const pipeGraceMs = 100;

/** Runs a command to its exit. What it left running in the background is ended with it. */
export async function runCommand(
  spawner: Spawner,
  request: SpawnRequest,
  limits: RunLimits,
): Promise<RunOutcome> {
  const startedAt = performance.now();
  const { child, family } = await spawner.withoutInput(request);
  const stdout = new Capture(child.stdout, limits.maxOutputBytes);
  const stderr = new Capture(child.stderr, limits.maxOutputBytes);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  let timedOut = false;
  const kill = () => void spawner.end(family, 0);
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, limits.timeoutMs);
  limits.signal.addEventListener("abort", kill);
  if (limits.signal.aborted) kill();
  const exitCode = await exited;
  clearTimeout(timer);
  limits.signal.removeEventListener("abort", kill);
  const limitsHit = spawner.limitsHit(family);
  // What is left in the background holds the pipes open; what it printed so far can still be read.
  await spawner.endRemains(family);
  const waiting = new AbortController();
  await Promise.race([closed, delay(pipeGraceMs, undefined, { signal: waiting.signal }).catch(() => {})]);
  waiting.abort();
  child.stdout.destroy();
  child.stderr.destroy();
  return {
    exitCode: timedOut ? null : exitCode,
    timedOut,
    stdout: stdout.text(),
    stderr: stderr.text(),
    stdoutTruncated: stdout.truncated,
    stderrTruncated: stderr.truncated,
    durationMs: Math.round(performance.now() - startedAt),
    ...(limitsHit.length === 0 ? {} : { limitsHit }),
  };
}

/** The first bytes of a stream; the rest is read and dropped, so that the writer does not block. */
class Capture {
  truncated = false;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(stream: Readable, maxBytes: number) {
    stream.on("data", (chunk: Buffer) => {
      const room = maxBytes - this.#size;
      if (chunk.length > room) this.truncated = true;
      if (room <= 0) return;
      const kept = chunk.subarray(0, room);
      this.#chunks.push(kept);
      this.#size += kept.length;
    });
    // A pipe that breaks ends the capture; the exit of the process tells the rest.
    stream.on("error", () => {});
  }

  text(): string {
    return Buffer.concat(this.#chunks, this.#size).toString("utf8");
  }
}
