import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createLogger, isHoldfastError, type LogRecord } from "@holdfast/core";
import type { ModelEndpoint, ModelWire } from "./agents/row.ts";
import { agentTable, type CustomAgent, customAgent, demoAgent } from "./agents/table.ts";
import type { Listen, SandboxServerOptions } from "./options.ts";
import { createSandboxServer } from "./server.ts";

const usage = `usage: sandbox (--unix PATH | --dial PATH | [--host HOST] [--port PORT]) [options]

  --token TOKEN           bearer token; also from HOLDFAST_SANDBOX_TOKEN
  --no-token              serve TCP without a token
  --allow-remote          allow a host that is not loopback
  --root DIR              confine the file routes to DIR
  --home DIR              HOME of agents
  --cwd DIR               working directory of agents
  --agents-directory DIR  where agents are installed
  --demo-entry FILE       entry of the demo agent, for a bundle
  --config FILE           JSON: { env, models, agents, jailed, allowedHosts, allowedOrigins }
`;

/** What a configuration file may hold. */
export interface SandboxConfig {
  readonly env?: Readonly<Record<string, string>>;
  readonly models?: Partial<Readonly<Record<ModelWire, ModelEndpoint>>>;
  /** Agents beside those of the table. */
  readonly agents?: readonly CustomAgent[];
  readonly jailed?: boolean;
  readonly allowedHosts?: readonly string[];
  readonly allowedOrigins?: readonly string[];
}

/**
 * Runs a sandbox server until SIGTERM or SIGINT, ends everything it started, and resolves to the
 * exit code: 0 after a signal, 1 when it cannot start, 2 for wrong usage. Writes one line of JSON to
 * standard output when it can be reached: `{"event":"ready","url"?,"token"?}`.
 */
export async function runSandboxServer(argv: readonly string[]): Promise<number> {
  let options: SandboxServerOptions;
  try {
    options = await readOptions(argv);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  const stopped = new Promise<void>((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
  try {
    const starting = createSandboxServer(options);
    const server = await Promise.race([starting, stopped]);
    if (!server) return 0;
    const { url, token } = server;
    process.stdout.write(`${JSON.stringify({ event: "ready", url, token })}\n`);
    await stopped;
    await server.close();
    return 0;
  } catch (error) {
    process.stderr.write(`${isHoldfastError(error) ? error.message : String(error)}\n`);
    return 1;
  }
}

async function readOptions(argv: readonly string[]): Promise<SandboxServerOptions> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      unix: { type: "string" },
      dial: { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "2468" },
      token: { type: "string" },
      "no-token": { type: "boolean", default: false },
      "allow-remote": { type: "boolean", default: false },
      root: { type: "string" },
      home: { type: "string" },
      cwd: { type: "string" },
      "agents-directory": { type: "string" },
      "demo-entry": { type: "string" },
      config: { type: "string" },
    },
  });
  const config = values.config === undefined ? {} : await readConfig(values.config);
  const token = values.token ?? process.env.HOLDFAST_SANDBOX_TOKEN;
  const agents = [
    ...agentTable.map((row) => (row.id === "demo" ? demoAgent(values["demo-entry"]) : row)),
    ...(config.agents ?? []).map(customAgent),
  ];
  const { agents: _custom, ...rest } = config;
  return {
    ...rest,
    listen: listenFrom(values),
    agents,
    unsafeNoToken: values["no-token"],
    log: createLogger("info", writeLog),
    ...(token === undefined ? {} : { token }),
    ...(values.root === undefined ? {} : { root: values.root }),
    ...(values.home === undefined ? {} : { home: values.home }),
    ...(values.cwd === undefined ? {} : { cwd: values.cwd }),
    ...(values["agents-directory"] === undefined ? {} : { agentsDirectory: values["agents-directory"] }),
  };
}

interface ListenFlags {
  readonly unix?: string | undefined;
  readonly dial?: string | undefined;
  readonly host: string;
  readonly port: string;
  readonly "allow-remote": boolean;
}

function listenFrom(flags: ListenFlags): Listen {
  if (flags.unix !== undefined && flags.dial !== undefined)
    throw new Error("--unix and --dial exclude each other");
  if (flags.unix !== undefined) return { unix: flags.unix };
  if (flags.dial !== undefined) return { dial: flags.dial };
  const port = Number(flags.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port must be 0 to 65535`);
  return { host: flags.host, port, allowRemote: flags["allow-remote"] };
}

/** The file comes from whoever starts the server and is as trusted as the command line. */
async function readConfig(path: string): Promise<SandboxConfig> {
  const value: unknown = JSON.parse(await readFile(path, "utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${path} must hold a JSON object`);
  }
  return value;
}

function writeLog(record: LogRecord): void {
  const { level, message, time, fields } = record;
  process.stderr.write(`${JSON.stringify({ time, level, message, ...fields })}\n`);
}
