import { invalid, isRecord } from "../http/problem.ts";
import { parseUint64 } from "../http/uint64.ts";
import type { HealthCheck, HealthProbe, ProcessSpec, RestartPolicy } from "./spec.ts";

export interface RunBody {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  /** 0 where it was not given: the default applies. */
  readonly timeoutMs: number;
  /** 0 keeps nothing of the output. */
  readonly maxOutputBytes: number | undefined;
}

const defaultSize = { cols: 80, rows: 24 };
const maxSide = 65_535;
/** Excludes ids and names of other routes, so that a path is unambiguous. */
const namePattern = /^(?!(?:proc_\d+|config|run)$)[A-Za-z][A-Za-z0-9._-]{0,63}$/;

export function parseRun(value: unknown): RunBody {
  const body = record(value, "the request body");
  return {
    ...parseCommand(body),
    timeoutMs: cappedCount(body, "timeoutMs") ?? 0,
    maxOutputBytes: cappedCount(body, "maxOutputBytes"),
  };
}

export function parseCreate(value: unknown): ProcessSpec {
  const body = record(value, "the request body");
  const name = text(body, "name");
  if (name !== undefined && !namePattern.test(name)) {
    throw invalid(
      "name must be 1 to 64 letters, digits, dots, dashes and underscores, a letter first, and no id, config or run",
    );
  }
  return {
    ...parseCommand(body),
    tty: flag(body, "tty"),
    interactive: flag(body, "interactive"),
    size: {
      cols: count(body, "cols", defaultSize.cols, maxSide) || defaultSize.cols,
      rows: count(body, "rows", defaultSize.rows, maxSide) || defaultSize.rows,
    },
    ...(name === undefined ? {} : { name }),
    ...(body.restart == null ? {} : { restart: parseRestart(body.restart) }),
    ...(body.health == null ? {} : { health: parseHealth(body.health) }),
  };
}

/** The bytes of an input; throws `invalid_request` for an unknown encoding and bad base64. */
export function parseInput(value: unknown, defaultEncoding: "base64" | "utf8"): Buffer {
  const body = record(value, "the request body");
  const data = required(body, "data");
  const encoding = text(body, "encoding") ?? defaultEncoding;
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
      throw invalid(`unsupported encoding "${encoding}": base64, utf8 or text`);
  }
}

export function parseSize(value: unknown): { readonly cols: number; readonly rows: number } {
  const body = record(value, "the request body");
  return { cols: requiredCount(body, "cols", maxSide), rows: requiredCount(body, "rows", maxSide) };
}

/** A query parameter that is a non-negative integer; undefined where it is not there. */
export function countQuery(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  const count = parseUint64(value);
  if (count === undefined) throw invalid(`query parameter '${name}' must be a non-negative integer`);
  return count;
}

function parseCommand(body: Record<string, unknown>) {
  const command = required(body, "command");
  if (command.trim() === "") throw invalid("command must not be empty");
  const cwd = text(body, "cwd");
  return {
    command,
    args: strings(body.args, "args"),
    env: stringMap(body.env, "env"),
    ...(cwd === undefined ? {} : { cwd }),
  };
}

function parseRestart(value: unknown): RestartPolicy {
  const body = record(typeof value === "string" ? { policy: value } : value, "restart");
  const { policy } = body;
  if (policy !== "never" && policy !== "on-failure" && policy !== "always") {
    throw unprocessable("restart.policy must be never, on-failure or always");
  }
  const backoffMs = count(body, "backoffMs", 500, 86_400_000);
  return {
    policy,
    maxRestarts: count(body, "maxRestarts", 0),
    backoffMs,
    maxBackoffMs: Math.max(backoffMs, count(body, "maxBackoffMs", 30_000, 86_400_000)),
  };
}

function parseHealth(value: unknown): HealthCheck {
  const body = record(value, "health");
  return {
    probe: parseProbe(body),
    intervalMs: count(body, "intervalMs", 10_000, 86_400_000) || 1,
    timeoutMs: count(body, "timeoutMs", 5_000, 300_000) || 1,
    retries: count(body, "retries", 3) || 1,
    startPeriodMs: count(body, "startPeriodMs", 0, 86_400_000),
    restart: flag(body, "restart"),
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
      const path = text(body, "path") ?? "/";
      if (!/^\/[\x21-\x7e]*$/.test(path)) throw unprocessable("health.path must start with / and be encoded");
      return { type, port: port(), path };
    }
    case "exec":
      return { type, command: required(body, "command"), args: strings(body.args, "args") };
    default:
      throw unprocessable("health.type must be tcp, http or exec");
  }
}

function unprocessable(detail: string): Error {
  return invalid(detail, 422);
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (!isRecord(value)) throw unprocessable(`${what} must be an object`);
  return value;
}

function text(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value.includes("\0")) throw unprocessable(`${name} must be a string`);
  return value;
}

function required(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (typeof value !== "string" || (name === "command" && value.includes("\0"))) {
    throw unprocessable(`${name} must be a string`);
  }
  return value;
}

function flag(body: Record<string, unknown>, name: string): boolean {
  const value = body[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== "boolean") throw unprocessable(`${name} must be true or false`);
  return value;
}

function count(body: Record<string, unknown>, name: string, otherwise: number, most = 2 ** 53 - 1): number {
  return body[name] === undefined || body[name] === null ? otherwise : requiredCount(body, name, most);
}

/** A count that the server caps later, so that any size is accepted. */
function cappedCount(body: Record<string, unknown>, name: string): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
    throw unprocessable(`${name} must be a non-negative integer`);
  }
  return Math.min(value, Number.MAX_SAFE_INTEGER);
}

function requiredCount(body: Record<string, unknown>, name: string, most: number): number {
  const value = body[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || value > most) {
    throw unprocessable(`${name} must be an integer from 0 to ${most}`);
  }
  return value;
}

function strings(value: unknown, name: string): string[] {
  if (value === undefined || value === null) return [];
  const items: unknown[] = Array.isArray(value) ? value : [undefined];
  const texts = items.filter((item): item is string => typeof item === "string" && !item.includes("\0"));
  if (texts.length !== items.length) throw unprocessable(`${name} must be an array of strings`);
  return texts;
}

function stringMap(value: unknown, name: string): Record<string, string> {
  const map: Record<string, string> = {};
  if (value === undefined || value === null) return map;
  for (const [key, entry] of Object.entries(record(value, name))) {
    if (typeof entry !== "string" || /[=\0]/.test(key) || entry.includes("\0")) {
      throw unprocessable(`${name} must map strings to strings`);
    }
    map[key] = entry;
  }
  return map;
}
