import { invalid, isRecord } from "../http/problem.ts";
import type { SandboxLimits } from "../limits.ts";

/** Limits of processes that callers can change at run time. Sizes are in bytes. */
export interface ProcessSettings {
  readonly maxConcurrentProcesses: number;
  readonly defaultRunTimeoutMs: number;
  readonly maxRunTimeoutMs: number;
  readonly maxOutputBytes: number;
  readonly maxLogBytesPerProcess: number;
  readonly maxInputBytesPerRequest: number;
}

/** Derives the initial settings from the limits of the server. */
export function initialSettings(limits: SandboxLimits): ProcessSettings {
  const { maxConcurrentProcesses, defaultRunTimeoutMs, maxRunTimeoutMs, maxOutputBytes } = limits;
  const { maxLogBytesPerProcess, maxInputBytesPerRequest } = limits;
  return {
    maxConcurrentProcesses,
    defaultRunTimeoutMs,
    maxRunTimeoutMs,
    maxOutputBytes,
    maxLogBytesPerProcess,
    maxInputBytesPerRequest,
  };
}

/** Parses complete settings. Each field is required and must be positive. */
export function parseSettings(value: unknown): ProcessSettings {
  if (!isRecord(value)) throw invalid("the request body must be an object", 422);
  const positive = (name: keyof ProcessSettings): number => {
    const number = value[name];
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) {
      throw invalid(`${name} must be a positive integer`, 422);
    }
    if (number === 0) throw invalid(`${name} must be greater than 0`);
    return number;
  };
  const maxRunTimeoutMs = positive("maxRunTimeoutMs");
  return {
    maxConcurrentProcesses: positive("maxConcurrentProcesses"),
    defaultRunTimeoutMs: Math.min(positive("defaultRunTimeoutMs"), maxRunTimeoutMs),
    maxRunTimeoutMs,
    maxOutputBytes: positive("maxOutputBytes"),
    maxLogBytesPerProcess: positive("maxLogBytesPerProcess"),
    maxInputBytesPerRequest: positive("maxInputBytesPerRequest"),
  };
}
