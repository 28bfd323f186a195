import type { Paths } from "../fs/paths.ts";
import { type Exchange, parseJson, readText, requireJsonContent, sendJson } from "../http/exchange.ts";
import { invalid, isRecord, problem } from "../http/problem.ts";
import type { Route } from "../http/router.ts";
import type { Spawner } from "../internal/spawner.ts";
import type { SandboxLimits } from "../limits.ts";
import { runCommand } from "./run.ts";

export interface ProcessContext {
  readonly spawner: Spawner;
  readonly paths: Paths;
  readonly limits: SandboxLimits;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** True when working directories have to lie inside the root. */
  readonly confined: boolean;
}

interface RunRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
}

/** `/v1/processes/run`. */
export class ProcessRoutes {
  readonly #context: ProcessContext;
  #running = 0;

  constructor(context: ProcessContext) {
    this.#context = context;
  }

  routes(): readonly Route[] {
    return [{ path: "/v1/processes/run", methods: { POST: (exchange) => this.#run(exchange) } }];
  }

  async #run(exchange: Exchange): Promise<void> {
    requireJsonContent(exchange);
    const { limits, spawner, env } = this.#context;
    const body = parseRun(parseJson(await readText(exchange, limits.maxJsonBytes)));
    const cwd = await this.#cwd(body.cwd);
    if (this.#running >= limits.maxConcurrentRuns) {
      throw problem("conflict", 409, `max concurrent run limit reached (${limits.maxConcurrentRuns})`);
    }
    this.#running += 1;
    try {
      const request = {
        program: body.command,
        args: body.args,
        cwd,
        env: { TERM: "xterm-256color", ...env, ...body.env },
      };
      const outcome = await runCommand(spawner, request, {
        timeoutMs: Math.min(body.timeoutMs || limits.defaultRunTimeoutMs, limits.maxRunTimeoutMs),
        maxOutputBytes: Math.min(body.maxOutputBytes || limits.maxOutputBytes, limits.maxOutputBytes),
        signal: exchange.signal,
      }).catch((error: NodeJS.ErrnoException) => {
        const text = `failed to spawn process: ${error.code ?? "unknown"}`;
        throw problem("stream_error", 502, text, { details: { message: text } });
      });
      if (!exchange.response.destroyed) sendJson(exchange.response, outcome);
    } finally {
      this.#running -= 1;
    }
  }

  /** A process is not confined by a root; checking its start keeps honest callers from mistakes. */
  async #cwd(cwd: string | undefined): Promise<string> {
    if (cwd === undefined) return this.#context.cwd;
    if (!this.#context.confined) return cwd.startsWith("/") ? cwd : `${this.#context.cwd}/${cwd}`;
    const place = await this.#context.paths.walk(cwd, { follow: true });
    await place.close();
    return place.display;
  }
}

function parseRun(value: unknown): RunRequest {
  const wrong = (detail: string) => invalid(detail, 422);
  if (!isRecord(value)) throw wrong("the request body must be an object");
  const { command, args, cwd, env, timeoutMs, maxOutputBytes } = value;
  if (typeof command !== "string") throw wrong("command must be a string");
  if (command.trim() === "") throw invalid("command must not be empty");
  if (cwd !== undefined && cwd !== null && typeof cwd !== "string") throw wrong("cwd must be a string");
  return {
    command,
    args: strings(args) ?? fail(wrong("args must be an array of strings")),
    env: stringMap(env) ?? fail(wrong("env must map strings to strings")),
    timeoutMs: count(timeoutMs) ?? fail(wrong("timeoutMs must be a non-negative integer")),
    maxOutputBytes: count(maxOutputBytes) ?? fail(wrong("maxOutputBytes must be a non-negative integer")),
    ...(typeof cwd === "string" ? { cwd } : {}),
  };
}

function fail(error: Error): never {
  throw error;
}

function strings(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((item): item is string => typeof item === "string" && !item.includes("\0"));
  return texts.length === value.length ? texts : undefined;
}

function stringMap(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) return undefined;
  const map: Record<string, string> = {};
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string" || /[=\0]/.test(name) || text.includes("\0")) return undefined;
    map[name] = text;
  }
  return map;
}

function count(value: unknown): number | undefined {
  if (value === undefined || value === null) return 0;
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
