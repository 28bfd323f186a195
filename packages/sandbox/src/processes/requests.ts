import { invalid, isRecord } from "../http/problem.ts";
import { parseUint64 } from "../http/uint64.ts";
import type { HealthCheck, HealthProbe, ProcessSpec, RestartPolicy } from "./spec.ts";

/** Body of `POST /v1/processes/run`. */
export interface RunBody {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  /** 0 selects the default. */
  readonly timeoutMs: number;
  /** 0 discards the output. */
  readonly maxOutputBytes: number | undefined;
}

const defaultSize = { cols: 80, rows: 24 };
const maxTerminalSide = 65_535;
/** Excludes ids and names of other routes, so that a path is unambiguous. */
const namePattern = /^(?!(?:proc_\d+|config|run)$)[A-Za-z][A-Za-z0-9._-]{0,63}$/;

/** Parses the body of `POST /v1/processes/run`. */
export function parseRun(value: unknown): RunBody {
  const body = requireRecord(value, "the request body");
  return {
    ...parseCommand(body),
    timeoutMs: cappedCount(body, "timeoutMs") ?? 0,
    maxOutputBytes: cappedCount(body, "maxOutputBytes"),
  };
}

/** Parses the body of `POST /v1/processes`. */
export function parseCreate(value: unknown): ProcessSpec {
  const body = requireRecord(value, "the request body");
  const name = optionalString(body, "name");
  if (name !== undefined && !namePattern.test(name)) {
    throw invalid(
      "name must start with a letter and have 1 to 64 letters, digits, dots, dashes and underscores; ids, config and run are reserved",
    );
  }
  return {
    ...parseCommand(body),
    tty: booleanField(body, "tty"),
    interactive: booleanField(body, "interactive"),
    size: {
      cols: countField(body, "cols", defaultSize.cols, maxTerminalSide) || defaultSize.cols,
      rows: countField(body, "rows", defaultSize.rows, maxTerminalSide) || defaultSize.rows,
    },
    ...(name === undefined ? {} : { name }),
    ...(body.restart == null ? {} : { restart: parseRestart(body.restart) }),
    ...(body.health == null ? {} : { health: parseHealth(body.health) }),
  };
}

/** Decodes input. Throws `invalid_request` for an unknown encoding or invalid base64. */
export function parseInput(value: unknown, defaultEncoding: "base64" | "utf8"): Buffer {
  const body = requireRecord(value, "the request body");
  const data = requiredString(body, "data");
  const encoding = optionalString(body, "encoding") ?? defaultEncoding;
  switch (encoding) {
    case "utf8":
    case "text":
      return Buffer.from(data, "utf8");
    case "base64":
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(data) || data.length % 4 !== 0) {
        throw invalid("invalid base64 data");
      }
      return Buffer.from(data, "base64");
    default:
      throw invalid(`unsupported encoding "${encoding}": use base64, utf8 or text`);
  }
}

/** Whether the input ends with this request. */
export function parseClose(value: unknown): boolean {
  return booleanField(requireRecord(value, "the request body"), "close");
}

/** Parses the size of a terminal, in characters. */
export function parseSize(value: unknown): { readonly cols: number; readonly rows: number } {
  const body = requireRecord(value, "the request body");
  return {
    cols: requiredCount(body, "cols", maxTerminalSide),
    rows: requiredCount(body, "rows", maxTerminalSide),
  };
}

/** Reads a non-negative integer from the query; undefined if absent. */
export function countQuery(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  const number = parseUint64(value);
  if (number === undefined) throw invalid(`query parameter '${name}' must be a non-negative integer`);
  return number;
}

function parseCommand(body: Record<string, unknown>) {
  const command = requiredString(body, "command");
  if (command.trim() === "") throw invalid("command must not be empty");
  const cwd = optionalString(body, "cwd");
  return {
    command,
    args: stringArray(body.args, "args"),
    env: stringMap(body.env, "env"),
    ...(cwd === undefined ? {} : { cwd }),
  };
}

function parseRestart(value: unknown): RestartPolicy {
  const body = requireRecord(typeof value === "string" ? { policy: value } : value, "restart");
  const { policy } = body;
  if (policy !== "never" && policy !== "on-failure" && policy !== "always") {
    throw unprocessable("restart.policy must be never, on-failure or always");
  }
  const backoffMs = countField(body, "backoffMs", 500, 86_400_000);
  return {
    policy,
    maxRestarts: countField(body, "maxRestarts", 0),
    backoffMs,
    maxBackoffMs: Math.max(backoffMs, countField(body, "maxBackoffMs", 30_000, 86_400_000)),
  };
}

function parseHealth(value: unknown): HealthCheck {
  const body = requireRecord(value, "health");
  return {
    probe: parseProbe(body),
    intervalMs: countField(body, "intervalMs", 10_000, 86_400_000) || 1,
    timeoutMs: countField(body, "timeoutMs", 5_000, 300_000) || 1,
    retries: countField(body, "retries", 3) || 1,
    startPeriodMs: countField(body, "startPeriodMs", 0, 86_400_000),
    restart: booleanField(body, "restart"),
  };
}

function parseProbe(body: Record<string, unknown>): HealthProbe {
  const { type } = body;
  const port = () => {
    const number = requiredCount(body, "port", 65_535);
    if (number === 0) throw unprocessable("health.port must be 1 to 65535");
    return number;
  };
  switch (type) {
    case "tcp":
      return { type, port: port() };
    case "http": {
      const path = optionalString(body, "path") ?? "/";
      if (!/^\/[\x21-\x7e]*$/.test(path)) throw unprocessable("health.path must start with / and be encoded");
      return { type, port: port(), path };
    }
    case "exec":
      return { type, command: requiredString(body, "command"), args: stringArray(body.args, "args") };
    default:
      throw unprocessable("health.type must be tcp, http or exec");
  }
}

function unprocessable(detail: string): Error {
  return invalid(detail, 422);
}

function requireRecord(value: unknown, name: string): Record<string, unknown> {
  if (!isRecord(value)) throw unprocessable(`${name} must be an object`);
  return value;
}

function optionalString(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value.includes("\0")) throw unprocessable(`${name} must be a string`);
  return value;
}

function requiredString(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (typeof value !== "string" || (name === "command" && value.includes("\0"))) {
    throw unprocessable(`${name} must be a string`);
  }
  return value;
}

function booleanField(body: Record<string, unknown>, name: string): boolean {
  const value = body[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== "boolean") throw unprocessable(`${name} must be true or false`);
  return value;
}

function countField(
  body: Record<string, unknown>,
  name: string,
  defaultValue: number,
  max = 2 ** 53 - 1,
): number {
  return body[name] === undefined || body[name] === null ? defaultValue : requiredCount(body, name, max);
}

/** Reads a count of any size; the server caps it later. */
function cappedCount(body: Record<string, unknown>, name: string): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
    throw unprocessable(`${name} must be a non-negative integer`);
  }
  return Math.min(value, Number.MAX_SAFE_INTEGER);
}

function requiredCount(body: Record<string, unknown>, name: string, max: number): number {
  const value = body[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || value > max) {
    throw unprocessable(`${name} must be an integer from 0 to ${max}`);
  }
  return value;
}

function stringArray(value: unknown, name: string): string[] {
  if (value === undefined || value === null) return [];
  const items: unknown[] = Array.isArray(value) ? value : [undefined];
  const texts = items.filter((item): item is string => typeof item === "string" && !item.includes("\0"));
  if (texts.length !== items.length) throw unprocessable(`${name} must be an array of strings`);
  return texts;
}

function stringMap(value: unknown, name: string): Record<string, string> {
  const map: Record<string, string> = {};
  if (value === undefined || value === null) return map;
  for (const [key, entry] of Object.entries(requireRecord(value, name))) {
    if (typeof entry !== "string" || /[=\0]/.test(key) || entry.includes("\0")) {
      throw unprocessable(`${name} must map strings to strings`);
    }
    map[key] = entry;
  }
  return map;
}
