import { resolve } from "node:path";
import { invalid, isRecord } from "../http/problem.ts";

/** An MCP server that the agent starts and speaks to over its standard input and output. */
export interface LocalMcpServer {
  readonly type: "local";
  readonly command: string | readonly string[];
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory; a relative one starts at the directory that the configuration is of. */
  readonly cwd?: string;
  /** False keeps the server from the agent without forgetting it. */
  readonly enabled?: boolean;
  /** Kept for clients; ACP has no field for it, so agents do not learn it. */
  readonly timeoutMs?: number;
}

/** An MCP server that is there already, reached over HTTP. */
export interface RemoteMcpServer {
  readonly type: "remote";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Name of the variable whose value is sent as `Authorization: Bearer VALUE`. */
  readonly bearerTokenEnvVar?: string;
  /** Header names with the names of the variables that hold their values. */
  readonly envHeaders?: Readonly<Record<string, string>>;
  /** Kept for clients; a login is the agent's own affair. */
  readonly oauth?: false | Readonly<Record<string, unknown>>;
  readonly transport?: "http" | "sse";
  readonly enabled?: boolean;
  readonly timeoutMs?: number;
}

/** An MCP server of a directory, as `/v1/config/mcp` has it. Source: the peer's section 2.4. */
export type McpServerConfig = LocalMcpServer | RemoteMcpServer;

/** Other names that the peer takes a field by, as configurations of other programs have them. */
const aliases: ReadonlyMap<string, string> = new Map([
  ["environment", "env"],
  ["timeout", "timeoutMs"],
  ["bearer_token_env_var", "bearerTokenEnvVar"],
  ["envHttpHeaders", "envHeaders"],
  ["env_http_headers", "envHeaders"],
]);

/**
 * Reads a configuration; unknown fields are dropped. Throws `sandbox.invalid_request` (422), also for a
 * field that is given by two of its names.
 */
export function parseMcpServer(value: unknown): McpServerConfig {
  if (!isRecord(value)) throw invalid("an MCP server must be a JSON object", 422);
  const field = new Fields(withoutAliases(value));
  switch (value.type) {
    case "local":
    case "stdio":
      return {
        type: "local",
        command: field.command(),
        args: field.texts("args") ?? [],
        ...field.defined("env", field.map("env")),
        ...field.defined("cwd", field.text("cwd")),
        ...field.common(),
      };
    case "remote":
    case "http":
      return {
        type: "remote",
        url: field.url(),
        ...field.defined("headers", field.map("headers")),
        ...field.defined("bearerTokenEnvVar", field.text("bearerTokenEnvVar")),
        ...field.defined("envHeaders", field.map("envHeaders")),
        ...field.defined("oauth", field.oauth()),
        ...field.defined("transport", field.transport()),
        ...field.common(),
      };
    default:
      throw invalid(`an MCP server is of type "local" or "remote", not ${JSON.stringify(value.type)}`, 422);
  }
}

function withoutAliases(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const fields = new Map<string, unknown>();
  for (const [name, content] of Object.entries(value)) {
    const field = aliases.get(name) ?? name;
    if (fields.has(field)) throw invalid(`${field} is given by two of its names`, 422);
    fields.set(field, content);
  }
  return Object.fromEntries(fields);
}

/** Typed access to the members of an object from outside; null counts as absent. */
class Fields {
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

  text(name: string): string | undefined {
    return this.#typed(name, isText, "text");
  }

  texts(name: string): readonly string[] | undefined {
    return this.#typed(name, isTexts, "a list of texts");
  }

  map(name: string): Readonly<Record<string, string>> | undefined {
    return this.#typed(name, isTextMap, "an object of texts");
  }

  command(): string | readonly string[] {
    const command = this.#typed(
      "command",
      (value) => isText(value) || isTexts(value),
      "text or a list of texts",
    );
    const first = Array.isArray(command) ? command[0] : command;
    if (command === undefined || first === undefined || first === "") {
      throw invalid("a local MCP server needs a command", 422);
    }
    return isTexts(command) ? command : String(command);
  }

  url(): string {
    const url = this.text("url");
    if (url === undefined) throw invalid("a remote MCP server needs a url", 422);
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw invalid("the url of a remote MCP server must be one of http or https", 422);
    }
    return url;
  }

  transport(): "http" | "sse" | undefined {
    const transport = this.text("transport");
    if (transport === undefined || transport === "http" || transport === "sse") return transport;
    throw invalid(`the transport is "http" or "sse", not ${JSON.stringify(transport)}`, 422);
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

  #typed<T>(name: string, is: (value: unknown) => value is T, what: string): T | undefined;
  #typed(name: string, is: (value: unknown) => boolean, what: string): unknown;
  #typed(name: string, is: (value: unknown) => boolean, what: string): unknown {
    const value = this.#value[name];
    if (value === undefined || value === null) return undefined;
    if (!is(value)) throw invalid(`${name} must be ${what}`, 422);
    return value;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every(isText);
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

interface Pair {
  readonly name: string;
  readonly value: string;
}

/** An MCP server as a session gets it. Source: ACP, `session/new`. */
export type AcpMcpServer =
  | {
      readonly name: string;
      readonly command: string;
      readonly args: readonly string[];
      readonly env: readonly Pair[];
    }
  | {
      readonly type: "http" | "sse";
      readonly name: string;
      readonly url: string;
      readonly headers: readonly Pair[];
    };

/**
 * The server as ACP has it. `env` is where the values of tokens are looked up; a variable that is not
 * set throws `sandbox.invalid_request`, because the server would refuse the agent in a way that tells nobody why.
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
    throw invalid(`the MCP server "${name}" needs the variable ${key}, which agents do not have`);
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
  // ACP has no working directory for a server, so a shell goes there first.
  const script = 'cd -- "$1" && shift && exec "$@"';
  return {
    name,
    command: "/bin/sh",
    args: ["-c", script, "sh", resolve(directory, config.cwd), ...command],
    env,
  };
}

function pairs(values: Readonly<Record<string, string>>): Pair[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
