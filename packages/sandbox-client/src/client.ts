import { HoldfastError } from "@holdfast/core";
import { HttpAcpConnection } from "./acp.ts";
import { Http, isRecord, readBytes } from "./internal/http.ts";
import { clientLimits } from "./limits.ts";
import type { AcpServerInfo, AgentCapabilities, AgentInfo, FsEntry, FsStat } from "./sdk/wire.ts";
import type {
  AcpConnection,
  AcpOptions,
  FileContent,
  RunRequest,
  RunResult,
  SandboxConnectOptions,
} from "./types.ts";

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Files on the other side. Relative paths and `~` are in the HOME of the server. */
export interface SandboxFs {
  /** Entries of a directory, sorted by name; HOME by default. */
  entries(path?: string, options?: CallOptions): Promise<readonly FsEntry[]>;
  stat(path: string, options?: CallOptions): Promise<FsStat>;
  /** Reads a file. Throws `sandbox.answer_too_large` over 64 MiB. */
  read(path: string, options?: CallOptions): Promise<Uint8Array>;
  readText(path: string, options?: CallOptions): Promise<string>;
  /** The file as a stream, for any size. Cancel it, or read it to its end. */
  stream(path: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
  /** Replaces the file atomically and durably, and creates its parents. Returns its size in bytes. */
  write(path: string, content: FileContent, options?: CallOptions): Promise<number>;
  /** Creates a directory and its parents, unless it exists. */
  mkdir(path: string, options?: CallOptions): Promise<void>;
  remove(path: string, options?: CallOptions & { readonly recursive?: boolean }): Promise<void>;
}

/** Calls one sandbox server. Works in browsers and Node; every failure is a HoldfastError. */
export class SandboxClient {
  readonly fs: SandboxFs;
  readonly #http: Http;

  private constructor(http: Http) {
    this.#http = http;
    this.fs = fsOver(http);
  }

  /** Connects, and asks the server for its health unless told not to. Throws `sandbox.unreachable`. */
  static async connect(options: SandboxConnectOptions = {}): Promise<SandboxClient> {
    const headers = {
      ...options.headers,
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    };
    // Called unbound, as a browser's own fetch has to be.
    const fetch: typeof globalThis.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    const client = new SandboxClient(new Http(options.baseUrl ?? "http://127.0.0.1:2468", fetch, headers));
    if (!options.skipHealthCheck) await client.health(options.signal ? { signal: options.signal } : {});
    return client;
  }

  async health(options: CallOptions = {}): Promise<{ readonly status: string }> {
    const value = await this.#http.json({ method: "GET", path: "/v1/health", signal: options.signal });
    return { status: text(member(value, "status")) };
  }

  /** The agents on offer; `config` asks each installed one for its version too. */
  async listAgents(options: CallOptions & { readonly config?: boolean } = {}): Promise<readonly AgentInfo[]> {
    const query = { config: options.config ? "true" : undefined };
    const value = await this.#http.json({ method: "GET", path: "/v1/agents", query, signal: options.signal });
    return list(member(value, "agents")).map(agentInfo);
  }

  async getAgent(id: string, options: CallOptions & { readonly config?: boolean } = {}): Promise<AgentInfo> {
    const query = { config: options.config ? "true" : undefined };
    const path = `/v1/agents/${encodeURIComponent(id)}`;
    return agentInfo(await this.#http.json({ method: "GET", path, query, signal: options.signal }));
  }

  async listAcpServers(options: CallOptions = {}): Promise<readonly AcpServerInfo[]> {
    const value = await this.#http.json({ method: "GET", path: "/v1/acp", signal: options.signal });
    return list(member(value, "servers")).map((server) => ({
      serverId: text(member(server, "serverId")),
      agent: text(member(server, "agent")),
      createdAtMs: number(member(server, "createdAtMs")),
    }));
  }

  /**
   * Connects to the agent process `serverId`. With `agent`, the first message starts it if needed; without, it must be
   * running.
   */
  acp(serverId: string, options: AcpOptions = {}): AcpConnection {
    return new HttpAcpConnection(this.#http, serverId, options);
  }

  /** Runs a command until it exits. Aborting the signal kills it and everything it started. */
  async run(request: RunRequest, options: CallOptions = {}): Promise<RunResult> {
    const value = await this.#http.json({
      method: "POST",
      path: "/v1/processes/run",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      signal: options.signal,
    });
    const exitCode = member(value, "exitCode");
    return {
      exitCode: typeof exitCode === "number" ? exitCode : null,
      timedOut: member(value, "timedOut") === true,
      stdout: text(member(value, "stdout")),
      stderr: text(member(value, "stderr")),
      stdoutTruncated: member(value, "stdoutTruncated") === true,
      stderrTruncated: member(value, "stderrTruncated") === true,
      durationMs: number(member(value, "durationMs")),
    };
  }
}

function fsOver(http: Http): SandboxFs {
  const open = (path: string, signal: AbortSignal | undefined) =>
    http.send({ method: "GET", path: "/v1/fs/file", query: { path }, signal });
  const read = async (path: string, options: CallOptions = {}) =>
    await readBytes(await open(path, options.signal), clientLimits.maxReadBytes, options.signal);
  return {
    read,
    async entries(path, options = {}) {
      const value = await http.json({
        method: "GET",
        path: "/v1/fs/entries",
        query: { path },
        signal: options.signal,
      });
      return list(value).map((entry) => ({ name: text(member(entry, "name")), ...fsStat(entry) }));
    },
    async stat(path, options = {}) {
      return fsStat(
        await http.json({ method: "GET", path: "/v1/fs/stat", query: { path }, signal: options.signal }),
      );
    },
    async readText(path, options = {}) {
      return new TextDecoder().decode(await read(path, options));
    },
    async stream(path, options = {}) {
      const response = await open(path, options.signal);
      return response.body ?? new ReadableStream({ start: (controller) => controller.close() });
    },
    async write(path, content, options = {}) {
      const body = content instanceof Uint8Array ? new Uint8Array(content) : content;
      const headers = { "content-type": "application/octet-stream" };
      const { signal } = options;
      const value = await http.json({
        method: "PUT",
        path: "/v1/fs/file",
        query: { path },
        headers,
        body,
        signal,
      });
      return number(member(value, "bytesWritten"));
    },
    async mkdir(path, options = {}) {
      await http.json({ method: "POST", path: "/v1/fs/mkdir", query: { path }, signal: options.signal });
    },
    async remove(path, options = {}) {
      const query = { path, recursive: options.recursive ? "true" : undefined };
      await http.json({ method: "DELETE", path: "/v1/fs/entry", query, signal: options.signal });
    },
  };
}

const flagNames: readonly (keyof AgentCapabilities)[] = [
  "commandExecution",
  "errorEvents",
  "fileAttachments",
  "fileChanges",
  "images",
  "itemStarted",
  "mcpTools",
  "permissions",
  "planMode",
  "questions",
  "reasoning",
  "sessionLifecycle",
  "sharedProcess",
  "status",
  "streamingDeltas",
  "textMessages",
  "toolCalls",
  "toolResults",
];

function agentInfo(value: unknown): AgentInfo {
  const flags = member(value, "capabilities");
  const has = (name: string) => isRecord(flags) && flags[name] === true;
  const status = isRecord(value) && isRecord(value.serverStatus) ? value.serverStatus : undefined;
  return {
    id: text(member(value, "id")),
    installed: member(value, "installed") === true,
    credentialsAvailable: member(value, "credentialsAvailable") === true,
    // Every name of the type is in the list, which the compiler cannot see through `fromEntries`.
    capabilities: Object.fromEntries(
      flagNames.map((name) => [name, has(name)]),
    ) as unknown as AgentCapabilities,
    ...optionalText(value, "version"),
    ...optionalText(value, "path"),
    ...optionalText(value, "configError"),
    ...(isRecord(value) && Array.isArray(value.configOptions) ? { configOptions: value.configOptions } : {}),
    ...(status === undefined
      ? {}
      : {
          serverStatus: {
            status: status.status === "running" ? ("running" as const) : ("stopped" as const),
            ...(typeof status.uptimeMs === "number" ? { uptimeMs: status.uptimeMs } : {}),
          },
        }),
  };
}

function fsStat(value: unknown): FsStat {
  return {
    path: text(member(value, "path")),
    entryType: member(value, "entryType") === "directory" ? "directory" : "file",
    size: number(member(value, "size")),
    ...optionalText(value, "modified"),
  };
}

function member(value: unknown, name: string): unknown {
  if (!isRecord(value)) throw unexpected(`an object with "${name}"`);
  return value[name];
}

function optionalText<Name extends string>(value: unknown, name: Name): { readonly [key in Name]?: string } {
  const found = member(value, name);
  // The literal cannot be typed by a computed name without saying so.
  return typeof found === "string" ? ({ [name]: found } as { readonly [key in Name]: string }) : {};
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw unexpected("a list");
  return value;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw unexpected("a text");
  return value;
}

function number(value: unknown): number {
  if (typeof value !== "number") throw unexpected("a number");
  return value;
}

function unexpected(what: string): HoldfastError {
  return new HoldfastError("sandbox", "malformed_answer", `The sandbox server did not send ${what}`, {
    statusCode: 502,
  });
}
