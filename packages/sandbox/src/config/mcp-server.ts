import { resolve } from "node:path";
import { invalid, isRecord } from "../http/problem.ts";

/** An MCP server that the agent starts and reaches over standard input and output. */
export interface LocalMcpServer {
  readonly type: "local";
  readonly command: string | readonly string[];
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory, relative to the configured directory. */
  readonly cwd?: string;
  /** False hides the server from agents without deleting its configuration. */
  readonly enabled?: boolean;
  /** Stored for clients only: ACP has no field for it, so agents do not receive it. */
  readonly timeoutMs?: number;
}

/** An MCP server that already runs, reached over HTTP. */
export interface RemoteMcpServer {
  readonly type: "remote";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Environment variable whose value is sent as `Authorization: Bearer VALUE`. */
  readonly bearerTokenEnvVar?: string;
  /** Maps header names to the environment variables that hold their values. */
  readonly envHeaders?: Readonly<Record<string, string>>;
  /** Stored for clients only: the agent itself logs in. */
  readonly oauth?: false | Readonly<Record<string, unknown>>;
  readonly transport?: "http" | "sse";
  readonly enabled?: boolean;
  readonly timeoutMs?: number;
}

/** An MCP server of a directory, as in `/v1/config/mcp`. Source: section 2.4 of the peer's documentation. */
export type McpServerConfig = LocalMcpServer | RemoteMcpServer;

/** Field names of other programs' configurations that the peer accepts, mapped to ours. */
const aliases: ReadonlyMap<string, string> = new Map([
  ["environment", "env"],
  ["timeout", "timeoutMs"],
  ["bearer_token_env_var", "bearerTokenEnvVar"],
  ["envHttpHeaders", "envHeaders"],
  ["env_http_headers", "envHeaders"],
]);

/**
 * Parses a configuration and drops unknown fields. Throws `sandbox.invalid_request` (422), also when a field is set
 * under two names.
 */
export function parseMcpServer(value: unknown): McpServerConfig {
  if (!isRecord(value)) throw invalid("an MCP server must be a JSON object", 422);
  const field = new FieldReader(resolveAliases(value));
  switch (value.type) {
    case "local":
    case "stdio":
      return {
        type: "local",
        command: field.command(),
        args: field.stringArray("args") ?? [],
        ...field.defined("env", field.stringMap("env")),
        ...field.defined("cwd", field.string("cwd")),
        ...field.common(),
      };
    case "remote":
    case "http":
      return {
        type: "remote",
        url: field.url(),
        ...field.defined("headers", field.stringMap("headers")),
        ...field.defined("bearerTokenEnvVar", field.string("bearerTokenEnvVar")),
        ...field.defined("envHeaders", field.stringMap("envHeaders")),
        ...field.defined("oauth", field.oauth()),
        ...field.defined("transport", field.transport()),
        ...field.common(),
      };
    default:
      throw invalid(
        `the type of an MCP server must be "local" or "remote", not ${JSON.stringify(value.type)}`,
        422,
      );
  }
}

function resolveAliases(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const fields = new Map<string, unknown>();
  for (const [name, content] of Object.entries(value)) {
    const field = aliases.get(name) ?? name;
    if (fields.has(field)) throw invalid(`${field} is set twice, under two names`, 422);
    fields.set(field, content);
  }
  return Object.fromEntries(fields);
}

/** Typed access to the fields of untrusted JSON. Null counts as absent. */
class FieldReader {
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(value: Readonly<Record<string, unknown>>) {
    this.#value = value;
  }

  common() {
    return {
      ...this.defined("enabled", this.#typed("enabled", isBoolean, "true or false")),
      ...this.defined("timeoutMs", this.#typed("timeoutMs", isCount, "a whole number of milliseconds")),
    };
  }

  string(name: string): string | undefined {
    return this.#typed(name, isString, "text");
  }

  stringArray(name: string): readonly string[] | undefined {
    return this.#typed(name, isStringArray, "an array of strings");
  }

  stringMap(name: string): Readonly<Record<string, string>> | undefined {
    return this.#typed(name, isStringMap, "an object of strings");
  }

  command(): string | readonly string[] {
    const command = this.#typed(
      "command",
      (value) => isString(value) || isStringArray(value),
      "a string or an array of strings",
    );
    const first = Array.isArray(command) ? command[0] : command;
    if (command === undefined || first === undefined || first === "") {
      throw invalid("a local MCP server needs a command", 422);
    }
    return isStringArray(command) ? command : String(command);
  }

  url(): string {
    const url = this.string("url");
    if (url === undefined) throw invalid("a remote MCP server needs a url", 422);
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw invalid("the url of a remote MCP server must use http or https", 422);
    }
    return url;
  }

  transport(): "http" | "sse" | undefined {
    const transport = this.string("transport");
    if (transport === undefined || transport === "http" || transport === "sse") return transport;
    throw invalid(`the transport must be "http" or "sse", not ${JSON.stringify(transport)}`, 422);
  }

  oauth(): false | Readonly<Record<string, unknown>> | undefined {
    const oauth = this.#value["oauth"];
    if (oauth === undefined || oauth === null) return undefined;
    if (oauth === false || isRecord(oauth)) return oauth;
    throw invalid("oauth must be false or an object", 422);
  }

  defined<Name extends string, T>(name: Name, value: T | undefined): Partial<Record<Name, T>> {
    const field: Partial<Record<Name, T>> = {};
    if (value !== undefined) field[name] = value;
    return field;
  }

  #typed<T>(name: string, is: (value: unknown) => value is T, expected: string): T | undefined;
  #typed(name: string, is: (value: unknown) => boolean, expected: string): unknown;
  #typed(name: string, is: (value: unknown) => boolean, expected: string): unknown {
    const value = this.#value[name];
    if (value === undefined || value === null) return undefined;
    if (!is(value)) throw invalid(`${name} must be ${expected}`, 422);
    return value;
  }
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isString);
}

function isStringMap(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every(isString);
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

interface NameValue {
  readonly name: string;
  readonly value: string;
}

/** An MCP server as passed to a session. Source: ACP, `session/new`. */
export type AcpMcpServer =
  | {
      readonly name: string;
      readonly command: string;
      readonly args: readonly string[];
      readonly env: readonly NameValue[];
    }
  | {
      readonly type: "http" | "sse";
      readonly name: string;
      readonly url: string;
      readonly headers: readonly NameValue[];
    };

/**
 * Converts a configuration to ACP. Values of tokens come from `env`. Throws `sandbox.invalid_request` for a variable
 * that is not set: otherwise the MCP server would reject the agent without a visible reason.
 */
export function toAcpServer(
  name: string,
  config: McpServerConfig,
  directory: string,
  env: Readonly<Record<string, string>>,
): AcpMcpServer {
  if (config.type === "local") return localServer(name, config, directory);
  const variable = (key: string): string => {
    const value = env[key];
    if (value !== undefined && value !== "") return value;
    throw invalid(
      `the MCP server "${name}" needs the environment variable ${key}, which is not set for agents`,
    );
  };
  const { bearerTokenEnvVar: bearer, envHeaders = {}, headers = {} } = config;
  return {
    type: config.transport ?? "http",
    name,
    url: config.url,
    headers: [
      ...pairs(headers),
      ...Object.entries(envHeaders).map(([header, key]) => ({ name: header, value: variable(key) })),
      ...(bearer === undefined ? [] : [{ name: "Authorization", value: `Bearer ${variable(bearer)}` }]),
    ],
  };
}

function localServer(name: string, config: LocalMcpServer, directory: string): AcpMcpServer {
  const [program = "", ...leading] = typeof config.command === "string" ? [config.command] : config.command;
  const command = [program, ...leading, ...config.args];
  const env = pairs(config.env ?? {});
  if (config.cwd === undefined) return { name, command: program, args: command.slice(1), env };
  // ACP has no working directory for a server, so a shell changes to it first.
  const script = 'cd -- "$1" && shift && exec "$@"';
  return {
    name,
    command: "/bin/sh",
    args: ["-c", script, "sh", resolve(directory, config.cwd), ...command],
    env,
  };
}

function pairs(values: Readonly<Record<string, string>>): NameValue[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
