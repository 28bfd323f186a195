import { readFile } from "node:fs/promises";
import { failureText, parseStrict, portOf, UsageError, wrongUsage } from "@holdfast/cli";
import { createLogger, HoldfastError, isErrorCode } from "@holdfast/core";
import type { ModelEndpoint, ModelWire } from "./agents/row.ts";
import { type CustomAgent, customAgent, sandboxAgents } from "./agents/table.ts";
import { printErrorJson, printUsageErrorJson } from "./cli/output.ts";
import { serverUsage } from "./cli/server-usage.ts";
import type { CorsOptions } from "./http/cors.ts";
import type { SandboxLimits } from "./limits.ts";
import { readLogSettings } from "./logs/log-settings.ts";
import type { OpenCodeOptions } from "./opencode/options.ts";
import type { Listen, SandboxServer, SandboxServerOptions } from "./options.ts";
import { createSandboxServer } from "./server.ts";

/** Content of a configuration file. */
export interface SandboxConfig {
  readonly env?: Readonly<Record<string, string>>;
  readonly models?: Partial<Readonly<Record<ModelWire, ModelEndpoint>>>;
  /** Agents in addition to the built-in ones. */
  readonly agents?: readonly CustomAgent[];
  readonly jailed?: boolean;
  readonly limits?: Partial<SandboxLimits>;
  readonly allowedHosts?: readonly string[];
  readonly allowedOrigins?: readonly string[];
}

/** How the server runs as a program. */
export interface RunOptions {
  /** Whether agents and processes inherit the environment of this process, except the server's own variables. */
  readonly inheritEnv: boolean;
  /** Whether to announce the address as text. `--json` selects a line of JSON instead. */
  readonly asText: boolean;
}

/**
 * Runs a sandbox server until SIGTERM, SIGINT or SIGHUP, or with HOLDFAST_SANDBOX_END_WITH_STDIN until standard input
 * ends, then ends everything that it started. Resolves to the exit code: 0 then, 1 if it cannot start, 2 for wrong usage. Once the server is reachable, writes one line of
 * JSON to standard output: `{"event":"ready","url"?,"token"?}`. A parent with an IPC channel gets the same as a
 * message.
 */
export async function runSandboxServer(
  argv: readonly string[],
  run: RunOptions = { inheritEnv: false, asText: false },
): Promise<number> {
  let flags: ServerFlags;
  let options: SandboxServerOptions;
  try {
    flags = readFlags(argv);
    if (flags.help === true) {
      process.stdout.write(`${serverUsage}\n`);
      return 0;
    }
    options = await readOptions(flags, run.inheritEnv);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (argv.includes("--json")) printUsageErrorJson(reason);
    else process.stderr.write(wrongUsage(reason, serverUsage, "holdfast sandbox server", false));
    return 2;
  }
  const endsWithStdin = isSet(process.env.HOLDFAST_SANDBOX_END_WITH_STDIN);
  const stopping = new AbortController();
  const { signal } = stopping;
  const stopped = new Promise<void>((resolve) => {
    const stop = () => {
      stopping.abort();
      resolve();
    };
    process.once("SIGTERM", stop);
    process.once("SIGINT", stop);
    // A closing terminal sends SIGHUP more than once: the kernel and the shell both do.
    process.on("SIGHUP", stop);
    if (endsWithStdin) onEndOfStdin(stop);
  });
  try {
    const { listen } = options;
    // Dialing a host may never succeed, so a signal aborts it. The other steps of a start end by themselves.
    const server = await createSandboxServer({
      ...options,
      listen: "dial" in listen ? { ...listen, signal } : listen,
    });
    if (!signal.aborted) announce(server, run.asText && flags.json !== true, options.token === undefined);
    await stopped;
    await server.close();
    return 0;
  } catch (error) {
    // A start that a signal interrupted is not a failure.
    if (signal.aborted) return 0;
    if (flags.json === true) printErrorJson(withCommandLineOptions(error));
    else process.stderr.write(`${failureText(withCommandLineOptions(error))}\n`);
    return 1;
  } finally {
    // An open input keeps the process.
    if (endsWithStdin) process.stdin.destroy();
  }
}

/** The other end of standard input closes with the process that has it, however that ends. */
function onEndOfStdin(stop: () => void): void {
  process.stdin.once("end", stop);
  process.stdin.once("error", stop);
  process.stdin.resume();
}

/** The server's message names API options. Here they are command line options. */
function withCommandLineOptions(error: unknown): unknown {
  if (!isErrorCode(error, "sandbox", "remote_not_allowed")) return error;
  const message = `${error.message}: --token TOKEN, --no-token or --allow-remote`;
  return new HoldfastError("sandbox", "remote_not_allowed", message, { cause: error });
}

function announce({ url, token }: SandboxServer, asText: boolean, isNewToken: boolean): void {
  const ready = { event: "ready", url, token };
  if (!asText) process.stdout.write(`${JSON.stringify(ready)}\n`);
  else {
    process.stdout.write(`The sandbox server listens${url === undefined ? "" : ` at ${url}`}\n`);
    if (token === undefined) process.stdout.write("It requires no token.\n");
    else if (isNewToken) process.stdout.write(`Token, created for this run: ${token}\n`);
    // A fragment is never sent to a server. A token that the user chose is not printed.
    const fragment = token !== undefined && isNewToken ? `#token=${token}` : "";
    if (url !== undefined) process.stdout.write(`Inspector: ${url}/ui/${fragment}\n`);
  }
  if (process.send) process.send(ready);
}

type ServerFlags = ReturnType<typeof readFlags>;

function readFlags(argv: readonly string[]) {
  const { values, positionals } = parseStrict(argv, {
    unix: { type: "string" },
    dial: { type: "string" },
    host: { type: "string", short: "H" },
    port: { type: "string", short: "p" },
    token: { type: "string", short: "t" },
    "no-token": { type: "boolean", short: "n" },
    "allow-remote": { type: "boolean" },
    "allow-host": { type: "string", multiple: true },
    "cors-allow-origin": { type: "string", short: "O", multiple: true },
    "cors-allow-method": { type: "string", short: "M", multiple: true },
    "cors-allow-header": { type: "string", short: "A", multiple: true },
    "cors-allow-credentials": { type: "boolean", short: "C" },
    // Accepted for compatibility with the peer. This server has no telemetry.
    "no-telemetry": { type: "boolean" },
    root: { type: "string" },
    home: { type: "string" },
    cwd: { type: "string" },
    data: { type: "string" },
    "agents-directory": { type: "string" },
    "install-agents": { type: "boolean" },
    "clean-env": { type: "boolean" },
    jailed: { type: "boolean" },
    "demo-entry": { type: "string" },
    config: { type: "string" },
    "log-dir": { type: "string" },
    "log-requests": { type: "boolean" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (positionals.length > 0) throw new UsageError(`Unexpected argument "${positionals[0]}"`);
  return values;
}

async function readOptions(values: ServerFlags, inheritEnv: boolean): Promise<SandboxServerOptions> {
  const config = values.config === undefined ? {} : await readConfig(values.config);
  const token = values.token ?? process.env.HOLDFAST_SANDBOX_TOKEN;
  const agents = [...sandboxAgents(values["demo-entry"]), ...(config.agents ?? []).map(customAgent)];
  const { agents: _custom, env, ...rest } = config;
  const { write, logRequests, logHeaders } = readLogSettings(values, process.env);
  const inherited = inheritEnv && values["clean-env"] !== true ? inheritedEnv(process.env) : {};
  const explicit = token !== undefined || values["no-token"] === true || values["allow-remote"] === true;
  return {
    ...rest,
    env: { ...inherited, ...env },
    listen: readListen(values, explicit),
    agents,
    ...(values.jailed === true ? { jailed: true } : {}),
    unsafeNoToken: values["no-token"] === true,
    installAgents: shouldInstallAgents(values["install-agents"]),
    ...{ logRequests, logHeaders },
    log: createLogger("info", write),
    allowedHosts: [...(config.allowedHosts ?? []), ...(values["allow-host"] ?? [])],
    ...readCors(values),
    // --no-token overrides a token from the environment.
    ...(token === undefined || values["no-token"] === true ? {} : { token }),
    ...(values.root === undefined ? {} : { root: values.root }),
    ...(values.home === undefined ? {} : { home: values.home }),
    ...(values.cwd === undefined ? {} : { cwd: values.cwd }),
    ...readDataDirectory(values.data, process.env.OPENCODE_COMPAT_DB_PATH),
    opencode: readOpenCodeOptions(process.env),
    ...(values["agents-directory"] === undefined ? {} : { agentsDirectory: values["agents-directory"] }),
  };
}

/**
 * The data directory: `--data`, else one beside the peer's database of OpenCode sessions, which are part of the
 * session log here.
 */
function readDataDirectory(data: string | undefined, database: string | undefined) {
  const dataDirectory = data ?? (isSet(database) ? `${database}.d` : undefined);
  return dataDirectory === undefined ? {} : { dataDirectory };
}

/** Reads the peer's variables for `/opencode/*`. */
function readOpenCodeOptions(env: NodeJS.ProcessEnv): OpenCodeOptions {
  const { OPENCODE_COMPAT_DIRECTORY: directory, OPENCODE_COMPAT_STATE: state } = env;
  const { OPENCODE_COMPAT_CONFIG: config, OPENCODE_COMPAT_PROXY_URL: proxyUrl } = env;
  if (proxyUrl !== undefined && proxyUrl !== "" && !/^https?:\/\/[^/]/.test(proxyUrl)) {
    throw new UsageError("OPENCODE_COMPAT_PROXY_URL must be an http or https URL");
  }
  return {
    ...(directory ? { directory } : {}),
    ...(state ? { state } : {}),
    ...(config ? { config } : {}),
    ...(proxyUrl ? { proxyUrl } : {}),
  };
}

/** The environment for agents and processes: without the variables of this server. */
function inheritedEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || /^(HOLDFAST_SANDBOX_|NODE_CHANNEL_|HOME$)/.test(name)) continue;
    inherited[name] = value;
  }
  return inherited;
}

/** Installing agents is opt-in. The peer's variable forbids it and takes precedence. */
function shouldInstallAgents(flag: boolean | undefined): boolean {
  const { HOLDFAST_SANDBOX_INSTALL_AGENTS: asked, SANDBOX_AGENT_REQUIRE_PREINSTALL: forbidden } = process.env;
  if (isSet(forbidden)) return false;
  return flag === true || isSet(asked);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false"].includes(value.toLowerCase());
}

function readCors(values: ServerFlags): { readonly cors?: CorsOptions } {
  const origins = values["cors-allow-origin"];
  const methods = values["cors-allow-method"];
  const headers = values["cors-allow-header"];
  const credentials = values["cors-allow-credentials"];
  if (origins === undefined && methods === undefined && headers === undefined && credentials === undefined) {
    return {};
  }
  return {
    cors: {
      origins: origins ?? [],
      ...(methods === undefined ? {} : { methods }),
      ...(headers === undefined ? {} : { headers }),
      ...(credentials === undefined ? {} : { credentials }),
    },
  };
}

function readListen(flags: ServerFlags, allowRemote: boolean): Listen {
  const { unix, dial, host = "127.0.0.1" } = flags;
  if (unix !== undefined && dial !== undefined) throw new UsageError("--unix and --dial cannot be combined");
  if (unix !== undefined) return { unix };
  if (dial !== undefined) return { dial };
  return { host, port: portOf(flags.port, 2_468), allowRemote };
}

/** The file is as trusted as the command line, so its members are not validated here. */
async function readConfig(path: string): Promise<SandboxConfig> {
  const value: unknown = JSON.parse(await readFile(path, "utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${path} must contain a JSON object`);
  }
  return value;
}
