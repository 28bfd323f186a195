import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { homedir } from "node:os";
import { join } from "node:path";
import { noArguments, parseStrict, portOf, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { findAgent } from "../agents/find.ts";
import { opencode } from "../agents/rows/opencode.ts";
import { isRecord } from "../http/problem.ts";
import { launchDaemon, runningDaemon } from "./daemon.ts";
import { daemonFiles } from "./daemon-record.ts";

export const opencodeUsage = `holdfast sandbox opencode

  Attaches OpenCode's terminal to a sandbox server. If none listens on the port, one is started
  in the background, and runs until "holdfast sandbox daemon stop".

  -H, --host HOST            (default: 127.0.0.1)
  -p, --port PORT            (default: 2468)
  -t, --token TOKEN          the server's token (default: HOLDFAST_SANDBOX_TOKEN)
  -n, --no-token             the server has no token
      --session-title TITLE  starts a new session with this title
      --yolo                 starts a new session that allows every permission
      --json                 prints the URL and the session as JSON instead of attaching

  The program is GIGACODE_OPENCODE_BIN, else the one that "install-agent opencode" installed, else
  the one in PATH.`;

/** A sandbox server answers the health check immediately. A slower one is something else. */
const healthTimeoutMs = 5_000;

interface ServerConnection {
  readonly url: string;
  readonly token: string | undefined;
  readonly started: boolean;
}

export async function opencodeCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, {
    host: { type: "string", short: "H" },
    port: { type: "string", short: "p" },
    token: { type: "string", short: "t" },
    "no-token": { type: "boolean", short: "n" },
    "session-title": { type: "string" },
    yolo: { type: "boolean" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help === true) {
    process.stdout.write(`${opencodeUsage}\n`);
    return 0;
  }
  noArguments(positionals);
  const port = portOf(values.port, 2_468);
  if (port === 0)
    throw new UsageError("A server is found again by its port: choose a fixed one with --port.");
  // Find the program before starting a server that nothing would use.
  const program = values.json === true ? undefined : await findProgram();
  const token =
    values["no-token"] === true ? undefined : (values.token ?? process.env["HOLDFAST_SANDBOX_TOKEN"]);
  const server = await connectOrStart(values.host ?? "127.0.0.1", port, token, values["no-token"] === true);
  const title = values["session-title"];
  const wantsSession = title !== undefined || values.yolo === true;
  const session = wantsSession ? await createSession(server, title, values.yolo === true) : undefined;
  const url = `${server.url}/opencode`;
  if (program === undefined) {
    const { started } = server;
    const newToken = started && server.token !== token ? { token: server.token } : {};
    process.stdout.write(
      `${JSON.stringify({ url, started, ...(session ? { session } : {}), ...newToken })}\n`,
    );
    return 0;
  }
  if (server.started) process.stderr.write(`Started a sandbox server at ${server.url}\n`);
  const attachArgs = ["attach", url, "--dir", process.cwd(), ...(session ? ["--session", session] : [])];
  return await run(program, attachArgs, server.token);
}

/**
 * Connects to the server on the port, or starts one. Throws `sandbox.port_taken` when another program listens there.
 */
async function connectOrStart(
  host: string,
  port: number,
  token: string | undefined,
  open: boolean,
): Promise<ServerConnection> {
  const files = daemonFiles(process.env["HOME"] ?? homedir(), host, port);
  const daemon = await runningDaemon(files);
  const url = daemon?.url ?? `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const state = await probeServer(url, token);
  if (state === "sandbox") return { url, token, started: false };
  if (state === "refused") {
    const message = `The sandbox server at ${url} rejected the token. Pass its token with --token.`;
    throw new HoldfastError("sandbox", "token_invalid", message, { statusCode: 401 });
  }
  if (state === "foreign") {
    const message = `Another program is listening at ${url}. Stop it, or choose another port with --port.`;
    throw new HoldfastError("sandbox", "port_taken", message, { statusCode: 409 });
  }
  const own = open ? undefined : (token ?? randomBytes(24).toString("base64url"));
  const started = await launchDaemon({ host, port, files, json: false }, own);
  return { url: started.url, token: own, started: true };
}

async function probeServer(
  url: string,
  token: string | undefined,
): Promise<"sandbox" | "refused" | "foreign" | "none"> {
  let response: Response;
  try {
    response = await fetch(`${url}/opencode/global/health`, {
      headers: authHeaders(token),
      redirect: "manual",
      signal: AbortSignal.timeout(healthTimeoutMs),
    });
  } catch (error) {
    const cause = error instanceof Error && isRecord(error.cause) ? error.cause : {};
    return cause.code === "ECONNREFUSED" ? "none" : "foreign";
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (isRecord(body) && body.healthy === true) return "sandbox";
  return response.status === 401 && isRecord(body) && Array.isArray(body.errors) ? "refused" : "foreign";
}

async function createSession(
  server: ServerConnection,
  title: string | undefined,
  all: boolean,
): Promise<string> {
  const permission = [{ permission: "*", pattern: "*", action: "allow" }];
  const response = await fetch(`${server.url}/opencode/session`, {
    method: "POST",
    headers: {
      ...authHeaders(server.token),
      "content-type": "application/json",
      "x-opencode-directory": encodeURIComponent(process.cwd()),
    },
    body: JSON.stringify({ ...(title === undefined ? {} : { title }), ...(all ? { permission } : {}) }),
  });
  const body: unknown = await response.json();
  if (response.ok && isRecord(body) && typeof body.id === "string") return body.id;
  const message = `The server did not create a session: ${JSON.stringify(body)}`;
  throw new HoldfastError("sandbox", "malformed_answer", message, { statusCode: 502 });
}

function authHeaders(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

async function findProgram(): Promise<readonly string[]> {
  const configured = process.env["GIGACODE_OPENCODE_BIN"];
  if (configured !== undefined && configured !== "") return [configured];
  const home = process.env["HOME"] ?? homedir();
  const agentsDirectory = join(home, ".local/share/holdfast/agents");
  const location = await findAgent(opencode, { agentsDirectory, path: process.env["PATH"] ?? "" });
  if (location) return [location.program, ...location.leadingArgs];
  const message =
    'OpenCode is not installed. Install it with "holdfast sandbox install-agent opencode", or use --json to print the URL for attaching another way.';
  throw new HoldfastError("sandbox", "agent_not_installed", message, { statusCode: 404 });
}

/** Runs the program in this terminal until it exits. The token is in its environment, not on its command line. */
async function run(
  [program = "", ...leading]: readonly string[],
  args: readonly string[],
  token: string | undefined,
): Promise<number> {
  const password = token === undefined ? {} : { OPENCODE_SERVER_PASSWORD: token };
  const child = spawn(program, [...leading, ...args], {
    stdio: "inherit",
    env: { ...process.env, ...password },
  });
  // Ctrl-C also reaches the program, which decides whether to exit.
  const ignore = () => {};
  process.on("SIGINT", ignore);
  try {
    const [code] = await once(child, "exit");
    return typeof code === "number" ? code : 1;
  } finally {
    process.off("SIGINT", ignore);
  }
}
