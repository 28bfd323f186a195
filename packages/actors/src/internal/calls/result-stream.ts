import { encodeValue, HoldfastError } from "@holdfast/core";
import type { ResultStream } from "../../ports/instance.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { RunningCall } from "./running-call.ts";

type StreamDependencies = Pick<ActorCore, "definition" | "ports" | "queue" | "state" | "turn">;

/** The pieces of a result that comes in pieces; undefined for any other result. */
export function resultChunks(output: unknown): AsyncIterator<unknown> | undefined {
  if (typeof output !== "object" || output === null) return undefined;
  if (output instanceof ReadableStream) return readerOf(output);
  const iterate: unknown = Reflect.get(output, Symbol.asyncIterator);
  return typeof iterate === "function" ? iterate.call(output) : undefined;
}

/** Not every runtime's streams are iterable. */
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
 * Hands the pieces of a result on, one after the other: each leaves after the commit that precedes it,
 * and the next is made when its reader has room. Throws what user code threw, why the call was aborted,
 * and `action.stream_stalled` when its reader takes nothing for as long as an action may take.
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
    // Code that waits for something else may take its time to end; nobody waits for it.
    if (!ended) void Promise.resolve(actor.turn.enter(() => pieces.return?.())).catch(() => {});
    actor.queue.close();
  }
}

/**
 * Waits for one promise after the other, each no longer than until the signal aborts. A race of each with one
 * promise of the abort would keep all the pieces of a stream in memory up to its end.
 */
function until(signal: AbortSignal): <T>(work: Promise<T>) => Promise<T> {
  let interrupt: ((reason: unknown) => void) | undefined;
  signal.addEventListener("abort", () => interrupt?.(signal.reason), { once: true });
  return (work) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      interrupt = reject;
      // An iterator of somebody's own may give what is no promise.
      Promise.resolve(work).then(resolve, reject);
    });
}

/** Runs `send` once the turn before it is durable; settles as it does. */
function gated(actor: StreamDependencies, send: () => Promise<void> | void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  actor.queue.after({
    release: () => {
      // An output may not throw.
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
      const message = "The reader of the result took nothing for too long";
      reject(new HoldfastError("action", "stream_stalled", message, { metadata: { timeoutMs } }));
    });
    const settle = (): void => timer.cancel();
    sent.then(settle, settle);
    sent.then(resolve, reject);
  });
}

export function streamNotSupported(): HoldfastError {
  const message = "The result comes in pieces, which this caller cannot take";
  return new HoldfastError("action", "stream_not_supported", message);
}

export function streamNotReplayable(): HoldfastError {
  const message = "The call with this key gave its result in pieces, which are not kept; it is not run again";
  return new HoldfastError("action", "stream_not_replayable", message, { statusCode: 409 });
}
