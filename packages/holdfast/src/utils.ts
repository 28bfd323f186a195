import { decodeJson, encodeJson, version } from "@holdfast/core";

/** Encodes any value of the structured codec as JSON text. */
export const jsonStringifyCompat = encodeJson;
/** The inverse of {@link jsonStringifyCompat}. */
export const jsonParseCompat = decodeJson;

/** For the end of an exhaustive `switch`: a new member fails to compile. */
export function assertUnreachable(value: never): never {
  throw new TypeError(`Unreachable: ${String(value)}`);
}

/** The message of any thrown value. */
export function stringifyError(error: unknown): string {
  if (error instanceof Error) return error.stack ?? `${error.name}: ${error.message}`;
  return typeof error === "string" ? error : String(error);
}

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A promise with its resolvers; not every project's libraries have the standard type. */
export interface PromiseWithEnds<T> {
  promise: Promise<T>;
  resolve: (value: T | PromiseLike<T>) => void;
  reject: (reason?: unknown) => void;
}

/** Creates a promise with its resolvers. `onReject` is called on rejection, so that it is never unhandled. */
export function promiseWithResolvers<T>(onReject?: (reason: unknown) => void): PromiseWithEnds<T> {
  const made = Promise.withResolvers<T>();
  if (onReject !== undefined) made.promise.catch(onReject);
  return made;
}

/** Returns a function whose promises resolve after `ms`, for loops: `while (!c.aborted) await tick()`. */
export function interval(ms: number): () => Promise<void> {
  return () => sleep(ms);
}

/** The longest delay of a platform timer, in milliseconds. */
const maxTimerMs = 2_147_483_647;

/** Cancels a timer of {@link setLongTimeout}. */
export interface LongTimeoutHandle {
  readonly abort: () => void;
}

/** As `setTimeout`, for any duration. */
export function setLongTimeout(listener: () => void, afterMs: number): LongTimeoutHandle {
  let timer: ReturnType<typeof setTimeout>;
  const wait = (restMs: number): void => {
    const next = restMs <= maxTimerMs ? listener : () => wait(restMs - maxTimerMs);
    timer = setTimeout(next, Math.min(restMs, maxTimerMs));
  };
  wait(afterMs);
  return { abort: () => clearTimeout(timer) };
}

/**
 * Runs one operation at a time. An operation that is enqueued while one runs replaces the one that waits; all callers
 * that waited get its outcome.
 */
export class SinglePromiseQueue {
  /** Resolves when nothing is left to run. */
  runningDrainLoop: Promise<void> | undefined;
  #next: { operation: () => Promise<void>; done: PromiseWithResolvers<void> } | undefined;

  enqueue(operation: () => Promise<void>): Promise<void> {
    const done = this.#next?.done ?? promiseWithResolvers<void>(() => undefined);
    this.#next = { operation, done };
    this.runningDrainLoop ??= this.#drain();
    return done.promise;
  }

  async #drain(): Promise<void> {
    while (this.#next !== undefined) {
      const { operation, done } = this.#next;
      this.#next = undefined;
      try {
        // Asynchronous even if the operation throws: `enqueue` must see the running loop.
        await (async () => operation())();
        done.resolve();
      } catch (error) {
        done.reject(error);
      }
    }
    this.runningDrainLoop = undefined;
  }
}

/** The bytes of a buffer or of a view, without a copy. */
export function toUint8Array(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Copies the bytes into a buffer of exactly their size. */
export function bufferToArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** True for equal bytes. Not constant-time: do not use it for secrets. */
export function arrayBuffersEqual(a: ArrayBuffer, b: ArrayBuffer): boolean {
  const left = new Uint8Array(a);
  const right = new Uint8Array(b);
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** Returns a signal that aborts with the first of the given ones, or never if there is none. */
export function joinSignals(...signals: readonly (AbortSignal | undefined | null)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined && signal !== null));
}

/** Appends a path to the path of an endpoint. */
export function combineUrlPath(
  endpoint: string,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const url = new URL(endpoint);
  const mark = path.indexOf("?");
  const [pathname, search] = mark < 0 ? [path, ""] : [path.slice(0, mark), path.slice(mark + 1)];
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${pathname.replace(/^\/+/, "")}`;
  const parameters = new URLSearchParams(search);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.append(name, value);
  }
  url.search = parameters.toString();
  return url.toString();
}

/** Reads an environment variable; undefined in runtimes without an environment. */
export function getEnvUniversal(name: string): string | undefined {
  const runtime = globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } };
  return runtime.process?.env?.[name];
}

/** Logs a value and the caller's location to the console, and returns it. */
export function dbg<T>(value: T): T {
  console.trace(value);
  return value;
}

/** The version of this package. */
export const VERSION: string = version;

/** The user agent that this library sends. */
export function httpUserAgent(): string {
  const agent = `Holdfast/${VERSION}`;
  return typeof navigator === "undefined" ? agent : `${agent} ${navigator.userAgent}`;
}

/** The JavaScript runtime. */
export type Runtime = "deno" | "bun" | "node";

/** Detects the JavaScript runtime: Deno, Bun, or otherwise Node. */
export function detectRuntime(): Runtime {
  if ("Deno" in globalThis) return "deno";
  return "Bun" in globalThis ? "bun" : "node";
}

/** A type whose properties, at every depth, cannot be assigned. */
export type DeepReadonly<T> = {
  readonly [Key in keyof T]: T[Key] extends object ? DeepReadonly<T[Key]> : T[Key];
};

/** A type whose properties, at every depth, can be assigned. */
export type DeepMutable<T> = {
  -readonly [Key in keyof T]: T[Key] extends object ? DeepMutable<T[Key]> : T[Key];
};
