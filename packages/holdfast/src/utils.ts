import { decodeJson, encodeJson } from "@holdfast/core";

/** JSON text of any value that the structured codec carries. */
export const jsonStringifyCompat = encodeJson;
/** The inverse of {@link jsonStringifyCompat}. */
export const jsonParseCompat = decodeJson;

/** For the end of an exhaustive `switch`: a new member fails to compile. */
export function assertUnreachable(value: never): never {
  throw new TypeError(`Unreachable: ${String(value)}`);
}

/** The text of anything that was thrown. */
export function stringifyError(error: unknown): string {
  if (error instanceof Error) return error.stack ?? `${error.name}: ${error.message}`;
  return typeof error === "string" ? error : String(error);
}

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A promise and what settles it: the standard type is not in the libraries of every project. */
export interface PromiseWithEnds<T> {
  promise: Promise<T>;
  resolve: (value: T | PromiseLike<T>) => void;
  reject: (reason?: unknown) => void;
}

/** A promise with its ends; `onReject` hears of a rejection, so that none is unhandled. */
export function promiseWithResolvers<T>(onReject?: (reason: unknown) => void): PromiseWithEnds<T> {
  const made = Promise.withResolvers<T>();
  if (onReject !== undefined) made.promise.catch(onReject);
  return made;
}

/** Resolves `ms` after each call, for loops: `while (!c.aborted) await tick()`. */
export function interval(ms: number): () => Promise<void> {
  return () => sleep(ms);
}

/** What a timer of the platform can wait for at most. */
const maxTimerMs = 2_147_483_647;

/** What ends a timer of {@link setLongTimeout}. */
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
 * Runs one operation at a time. What is enqueued while one runs replaces what already waits; everybody
 * who waited gets the outcome of the one that ran.
 */
export class SinglePromiseQueue {
  /** Settles when nothing is left to run. */
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
        // Also one that throws at once ends later than here: `enqueue` has to know of the loop before.
        await (async () => operation())();
        done.resolve();
      } catch (error) {
        done.reject(error);
      }
    }
    this.runningDrainLoop = undefined;
  }
}

/** The bytes of a buffer or of a view of one, without a copy. */
export function toUint8Array(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A copy of the bytes, in a buffer that holds nothing else. */
export function bufferToArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** True for the same bytes. It ends at the first difference: not for secrets. */
export function arrayBuffersEqual(a: ArrayBuffer, b: ArrayBuffer): boolean {
  const left = new Uint8Array(a);
  const right = new Uint8Array(b);
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** A signal that aborts with the first of those given; it never aborts where there is none. */
export function joinSignals(...signals: readonly (AbortSignal | undefined | null)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined && signal !== null));
}

/** Puts a path behind the path of an endpoint. */
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

/** An environment variable, in every runtime that has them. */
export function getEnvUniversal(name: string): string | undefined {
  const runtime = globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } };
  return runtime.process?.env?.[name];
}

/** Writes a value and where it was asked for to the console, and returns it. */
export function dbg<T>(value: T): T {
  console.trace(value);
  return value;
}

/** The version of this package. */
export const VERSION = "0.1.0";

/** How this library names itself in requests. */
export function httpUserAgent(): string {
  const agent = `Holdfast/${VERSION}`;
  return typeof navigator === "undefined" ? agent : `${agent} ${navigator.userAgent}`;
}

/** What runs this code. */
export type Runtime = "deno" | "bun" | "node";

/** Where this code runs; what is neither Deno nor Bun is taken for Node. */
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
