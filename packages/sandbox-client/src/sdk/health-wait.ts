import { HoldfastError } from "@holdfast/core";
import { SandboxAgentError } from "./errors.ts";

/** A server that takes longer to say how it is does not answer at all. */
const answerWithinMs = 10_000;
const firstPauseMs = 50;
const maxPauseMs = 15_000;
const firstWarningMs = 5_000;
const warningEveryMs = 10_000;
/** A server that starts is given this long before it is started again. */
const restartEveryMs = 4_000;

export interface HealthWaitOptions {
  /** Resolves when the server is well. */
  readonly check: (signal: AbortSignal) => Promise<void>;
  /** Starts a server that has ended; called when it was silent for 4 s, and again. */
  readonly ensureServer?: () => Promise<void>;
  /** Without bound by default. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/**
 * Waits until a server answers. A server that refuses the caller (401, 403) ends the wait immediately. Throws
 * `sandbox.health_timeout`, or the signal's reason.
 */
export async function waitForHealth(options: HealthWaitOptions): Promise<void> {
  const { signal } = options;
  const startedAt = Date.now();
  let warnAt = startedAt + firstWarningMs;
  let pauseMs = firstPauseMs;
  let restartAt = startedAt + restartEveryMs;
  for (;;) {
    signal.throwIfAborted();
    const leftMs = () => (options.timeoutMs ?? Number.POSITIVE_INFINITY) - (Date.now() - startedAt);
    let failure: unknown;
    try {
      await checkWithin(options.check, signal, Math.min(answerWithinMs, Math.max(leftMs(), firstPauseMs)));
      return;
    } catch (error) {
      if (error instanceof SandboxAgentError && (error.status === 401 || error.status === 403)) throw error;
      failure = error;
    }
    signal.throwIfAborted();
    if (Date.now() >= restartAt) {
      await options.ensureServer?.();
      restartAt = Date.now() + restartEveryMs;
    }
    const waitedMs = Date.now() - startedAt;
    if (leftMs() <= 0) throw timedOut(waitedMs, failure);
    if (Date.now() >= warnAt) {
      warnAt = Date.now() + warningEveryMs;
      console.warn(`sandbox server not healthy after ${Math.round(waitedMs / 1000)} s: ${textOf(failure)}`);
    }
    await pause(Math.min(pauseMs, leftMs()), signal);
    pauseMs = Math.min(pauseMs * 2, maxPauseMs);
  }
}

/** A hanging server accepts the connection and never answers. */
async function checkWithin(
  check: HealthWaitOptions["check"],
  signal: AbortSignal,
  ms: number,
): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`it did not answer for ${ms} ms`)), ms);
  try {
    await check(AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}

function timedOut(waitedMs: number, cause: unknown): HoldfastError {
  const message = `The sandbox server was not healthy within ${waitedMs} ms: ${textOf(cause)}`;
  return new HoldfastError("sandbox", "health_timeout", message, { statusCode: 504, cause });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    // It may have been aborted while the server was started.
    if (signal.aborted) done();
  });
}
