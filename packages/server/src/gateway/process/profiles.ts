/** Profiles of this process, as the developer tools of Chromium open them. Loaded by the first request for one. */
import { Session } from "node:inspector/promises";
import { Readable } from "node:stream";
import { getHeapSnapshot } from "node:v8";
import { HoldfastError } from "@holdfast/core";
import { serverLimits } from "../../limits.ts";

let isRunning = false;

/**
 * Measures where CPU time goes: a `.cpuprofile`. Ends early when `signal` is aborted. Throws `profile.invalid_duration`,
 * and `profile.busy` while another profile is made.
 */
export async function cpuProfile(seconds: number, signal: AbortSignal): Promise<string> {
  const { maxProfileSeconds } = serverLimits;
  if (!(seconds >= 1 && seconds <= maxProfileSeconds)) {
    const message = `\`seconds\` is a number from 1 to ${maxProfileSeconds}`;
    throw new HoldfastError("profile", "invalid_duration", message, { statusCode: 400 });
  }
  return alone(async () => {
    const session = new Session();
    session.connect();
    try {
      await session.post("Profiler.enable");
      await session.post("Profiler.start");
      await pause(seconds * 1_000, signal);
      const { profile } = await session.post("Profiler.stop");
      return JSON.stringify(profile);
    } finally {
      session.disconnect();
    }
  });
}

/**
 * All objects in memory: a `.heapsnapshot`. The process stands still while it is made, about a second for each 100 MB of
 * heap, and needs the memory once more. Throws `profile.busy`.
 */
export async function heapSnapshot(): Promise<ReadableStream> {
  return alone(async () => Readable.toWeb(getHeapSnapshot()) as ReadableStream);
}

async function alone<T>(work: () => Promise<T>): Promise<T> {
  if (isRunning) {
    const message = "Another profile of this process is being made. Ask again when it has ended.";
    throw new HoldfastError("profile", "busy", message, { statusCode: 409 });
  }
  isRunning = true;
  try {
    return await work();
  } finally {
    isRunning = false;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  return promise.finally(() => clearTimeout(timer));
}
