import { encodeValue, HoldfastError } from "@holdfast/core";
import type { ResultStream } from "../../ports/instance.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { RunningCall } from "./running-call.ts";

type StreamDependencies = Pick<ActorCore, "definition" | "ports" | "queue" | "state" | "turn">;

/** Returns the iterator of a streamed result; undefined for any other result. */
export function resultChunks(output: unknown): AsyncIterator<unknown> | undefined {
  if (typeof output !== "object" || output === null) return undefined;
  if (output instanceof ReadableStream) return readerOf(output);
  const iterate: unknown = Reflect.get(output, Symbol.asyncIterator);
  return typeof iterate === "function" ? iterate.call(output) : undefined;
}

/** Some JavaScript runtimes have streams that are not async iterable. */
function readerOf(stream: ReadableStream<unknown>): AsyncIterator<unknown> {
  const reader = stream.getReader();
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return done ? { done, value: undefined } : { done, value };
    },
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

/**
 * Sends the chunks of a result in order. Each chunk leaves after the commit that precedes it, and the next is produced
 * when the reader has room. Throws the error of user code, the reason of an abort, or `action.stream_stalled` if the
 * reader accepts nothing for `actionTimeout`.
 */
export async function sendResultStream(
  actor: StreamDependencies,
  running: RunningCall,
  pieces: AsyncIterator<unknown>,
  stream: ResultStream,
): Promise<void> {
  running.beginStream();
  stream.onCancel?.(() => {
    running.abort(new HoldfastError("action", "aborted", "The call was cancelled", { statusCode: 499 }));
  });
  const unlessAborted = until(running.abortSignal);
  let ended = false;
  try {
    await unlessAborted(gated(actor, () => stream.begin()));
    for (;;) {
      const made = actor.turn.enter(() => pieces.next()) as Promise<IteratorResult<unknown>>;
      const piece = await unlessAborted(made);
      if (piece.done === true) {
        ended = true;
        return;
      }
      const bytes = encodeValue(actor.state.unwrap(piece.value));
      await withDeadline(actor, unlessAborted(gated(actor, () => stream.chunk(bytes))));
    }
  } finally {
    // Not awaited: closing the iterator may take long.
    if (!ended) void Promise.resolve(actor.turn.enter(() => pieces.return?.())).catch(() => {});
    actor.queue.close();
  }
}

/**
 * Waits for promises one at a time, each until the signal aborts at the latest. Racing each of them against one abort
 * promise would keep every chunk in memory until the stream ends.
 */
function until(signal: AbortSignal): <T>(work: Promise<T>) => Promise<T> {
  let interrupt: ((reason: unknown) => void) | undefined;
  signal.addEventListener("abort", () => interrupt?.(signal.reason), { once: true });
  return (work) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      interrupt = reject;
      // An iterator of user code may return something that is not a promise.
      Promise.resolve(work).then(resolve, reject);
    });
}

/** Runs `send` once the preceding turn is durable, and settles with it. */
function gated(actor: StreamDependencies, send: () => Promise<void> | void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  actor.queue.after({
    release: () => {
      // Outputs must not throw.
      new Promise<void>((settle) => settle(send())).then(resolve, reject);
    },
    drop: reject,
  });
  return promise;
}

function withDeadline(actor: StreamDependencies, sent: Promise<void>): Promise<void> {
  const { tasks } = actor.ports;
  const timeoutMs = actor.definition.options.actionTimeout;
  return new Promise((resolve, reject) => {
    const timer = tasks.after(timeoutMs, () => {
      const message = "The reader of the result accepted nothing for too long";
      reject(new HoldfastError("action", "stream_stalled", message, { metadata: { timeoutMs } }));
    });
    const settle = (): void => timer.cancel();
    sent.then(settle, settle);
    sent.then(resolve, reject);
  });
}

export function streamNotSupported(): HoldfastError {
  const message = "The result is a stream, which this caller does not support. Call it over a connection";
  return new HoldfastError("action", "stream_not_supported", message);
}

export function streamNotReplayable(): HoldfastError {
  const message = "The call with this key returned a stream, which is not recorded; it is not run again";
  return new HoldfastError("action", "stream_not_replayable", message, { statusCode: 409 });
}
