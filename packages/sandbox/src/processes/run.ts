import { problem } from "../http/problem.ts";
import { maxTimeoutMs } from "../internal/max-timeout.ts";
import type { LimitName } from "../internal/spawn/command-limits.ts";
import { HostLost } from "../internal/spawn/spawn-host.ts";
import type { Spawner, SpawnRequest } from "../internal/spawn/spawner.ts";

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

/** How long to wait for output after the exit: a detached descendant can hold the pipes forever. */
const pipeGraceMs = 100;

/**
 * Runs a command until it exits, then ends what it left in the background. Throws the system error when it
 * cannot start, and `stream_error` when the spawn host died; the command was ended with it.
 */
export async function runCommand(
  spawner: Spawner,
  request: SpawnRequest,
  limits: RunLimits,
): Promise<RunOutcome> {
  const startedAt = performance.now();
  const command = await spawner.captured(request, limits.maxOutputBytes).catch(throwHostLost);
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
  const letGo = () => {
    clearTimeout(timer);
    limits.signal.removeEventListener("abort", kill);
  };
  limits.signal.addEventListener("abort", kill);
  if (limits.signal.aborted) kill();
  try {
    const { exitCode, remains } = await command.exited.finally(letGo);
    const limitsHit = spawner.limitsHit(family);
    // Background processes hold the pipes open; their output so far is still collected below.
    await spawner.endRemains(family, remains);
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
    return throwHostLost(error);
  }
}

function throwHostLost(error: unknown): never {
  if (!(error instanceof HostLost)) throw error;
  const message = `${error.message}; the command was ended`;
  throw problem("stream_error", 502, message, { details: { message } });
}
