import { HostLost } from "@holdfast/core/spawn-host";
import { problem } from "../http/problem.ts";
import { maxTimeoutMs } from "../internal/max-timeout.ts";
import type { LimitName } from "../internal/spawn/command-limits.ts";
import type { Spawner, SpawnRequest } from "../internal/spawn/spawner.ts";

/** Limits of one command. */
export interface RunLimits {
  readonly timeoutMs: number;
  /** Limit for each stream. */
  readonly maxOutputBytes: number;
  /** Kills the command. */
  readonly signal: AbortSignal;
}

/** Exit status and output of a command, as in the API. */
export interface RunOutcome {
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
  readonly durationMs: number;
  /** Limits that the command hit; absent if none. */
  readonly limitsHit?: readonly LimitName[];
}

/** How long to wait for output after the exit. A detached descendant can hold the pipes open forever. */
const pipeGraceMs = 100;

/**
 * Runs a command until it exits, then ends its background processes. Throws the system error if it cannot start, and
 * `stream_error` if the spawn host died, which ends the command too.
 */
export async function runCommand(
  spawner: Spawner,
  request: SpawnRequest,
  limits: RunLimits,
): Promise<RunOutcome> {
  const startedAt = performance.now();
  const command = await spawner.captured(request, limits.maxOutputBytes).catch(rethrowHostLost);
  const { family } = command;
  let timedOut = false;
  const kill = () => void spawner.end(family, 0);
  const timer = setTimeout(
    () => {
      timedOut = true;
      kill();
    },
    Math.min(limits.timeoutMs, maxTimeoutMs),
  );
  const cleanUp = () => {
    clearTimeout(timer);
    limits.signal.removeEventListener("abort", kill);
  };
  limits.signal.addEventListener("abort", kill);
  if (limits.signal.aborted) kill();
  try {
    const { exitCode, remains } = await command.exited.finally(cleanUp);
    const limitsHit = spawner.limitsHit(family);
    // Background processes hold the pipes open. Their output so far is collected below.
    await spawner.endDescendants(family, remains);
    const { stdout, stderr, ...truncated } = await command.collect(pipeGraceMs);
    return {
      exitCode: timedOut ? null : exitCode,
      timedOut,
      stdout: stdout.toString("utf8"),
      stderr: stderr.toString("utf8"),
      ...truncated,
      durationMs: Math.round(performance.now() - startedAt),
      ...(limitsHit.length === 0 ? {} : { limitsHit }),
    };
  } catch (error) {
    await spawner.end(family, 0);
    return rethrowHostLost(error);
  }
}

function rethrowHostLost(error: unknown): never {
  if (!(error instanceof HostLost)) throw error;
  const message = `${error.message}; the command was ended`;
  throw problem("stream_error", 502, message, { details: { message } });
}
