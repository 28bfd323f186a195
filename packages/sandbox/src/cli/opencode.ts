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
import { currentDaemon, launchDaemon } from "./daemon.ts";
import { daemonPlace } from "./daemon-record.ts";

export const opencodeUsage = `holdfast sandbox opencode

  OpenCode's terminal, attached to a sandbox server. Where none listens on the port, one is
  started in the background; it stays until "holdfast sandbox daemon stop". Whatever else
  listens there is left alone.

  -H, --host HOST            (default: 127.0.0.1)
  -p, --port PORT            (default: 2468)
  -t, --token TOKEN          of the server (default: HOLDFAST_SANDBOX_TOKEN)
  -n, --no-token             the server has none
      --session-title TITLE  begins with a new session of this title
      --yolo                 begins with a new session whose agent may do everything unasked
      --json                 does not attach: says in JSON where the server is, and with which session

  The program is looked for at GIGACODE_OPENCODE_BIN, where "install-agent opencode" puts it, and
  in PATH.`;

/** A sandbox server says how it is at once; what takes longer to answer is none. */
const lookMs = 5_000;

interface Reached {
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
  if (port === 0) throw new UsageError("a server is found again by its port: name one");
  // Found before anything is started: without it nothing is to be done.
  const program = values.json === true ? undefined : await programOf();
  const token =
    values["no-token"] === true ? undefined : (values.token ?? process.env["HOLDFAST_SANDBOX_TOKEN"]);
  const server = await reach(values.host ?? "127.0.0.1", port, token, values["no-token"] === true);
  const title = values["session-title"];
  const begins = title !== undefined || values.yolo === true;
  const session = begins ? await newSession(server, title, values.yolo === true) : undefined;
  const url = `${server.url}/opencode`;
  if (program === undefined) {
    const { started } = server;
    const made = started && server.token !== token ? { token: server.token } : {};
    process.stdout.write(`${JSON.stringify({ url, started, ...(session ? { session } : {}), ...made })}\n`);
    return 0;
  }
  if (server.started) process.stderr.write(`The sandbox server was started at ${server.url}\n`);
  const attach = ["attach", url, "--dir", process.cwd(), ...(session ? ["--session", session] : [])];
  return await run(program, attach, server.token);
}

/** The server on the port, or a new one. Throws `sandbox.port_taken` when something else is there. */
async function reach(host: string, port: number, token: string | undefined, open: boolean): Promise<Reached> {
  const place = daemonPlace(process.env["HOME"] ?? homedir(), host, port);
  const known = await currentDaemon(place);
  const url = known?.url ?? `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const found = await look(url, token);
  if (found === "well") return { url, token, started: false };
  if (found === "refused") {
    const message = `The sandbox server at ${url} wants another token: give it with --token`;
    throw new HoldfastError("sandbox", "token_invalid", message, { statusCode: 401 });
  }
  if (found === "foreign") {
    const message = `Something else listens at ${url}; it is left alone: choose another port with --port`;
    throw new HoldfastError("sandbox", "port_taken", message, { statusCode: 409 });
  }
  const own = open ? undefined : (token ?? randomBytes(24).toString("base64url"));
  const started = await launchDaemon({ host, port, place, json: false }, own);
  return { url: started.url, token: own, started: true };
}

async function look(
  url: string,
  token: string | undefined,
): Promise<"well" | "refused" | "foreign" | "nobody"> {
  let response: Response;
  try {
    response = await fetch(`${url}/opencode/global/health`, {
      headers: headersOf(token),
      redirect: "manual",
      signal: AbortSignal.timeout(lookMs),
    });
  } catch (error) {
    const cause = error instanceof Error && isRecord(error.cause) ? error.cause : {};
    return cause.code === "ECONNREFUSED" ? "nobody" : "foreign";
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (isRecord(answer) && answer.healthy === true) return "well";
  return response.status === 401 && isRecord(answer) && Array.isArray(answer.errors) ? "refused" : "foreign";
}

async function newSession(server: Reached, title: string | undefined, all: boolean): Promise<string> {
  const permission = [{ permission: "*", pattern: "*", action: "allow" }];
  const response = await fetch(`${server.url}/opencode/session`, {
    method: "POST",
    headers: {
      ...headersOf(server.token),
      "content-type": "application/json",
      "x-opencode-directory": encodeURIComponent(process.cwd()),
    },
    body: JSON.stringify({ ...(title === undefined ? {} : { title }), ...(all ? { permission } : {}) }),
  });
  const answer: unknown = await response.json();
  if (response.ok && isRecord(answer) && typeof answer.id === "string") return answer.id;
  const message = `The server did not make a session: ${JSON.stringify(answer)}`;
  throw new HoldfastError("sandbox", "malformed_answer", message, { statusCode: 502 });
}

function headersOf(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

async function programOf(): Promise<readonly string[]> {
  const named = process.env["GIGACODE_OPENCODE_BIN"];
  if (named !== undefined && named !== "") return [named];
  const home = process.env["HOME"] ?? homedir();
  const agentsDirectory = join(home, ".local/share/holdfast/agents");
  const found = await findAgent(opencode, { agentsDirectory, path: process.env["PATH"] ?? "" });
  if (found) return [found.program, ...found.leading];
  const message =
    'OpenCode is not installed here: "holdfast sandbox install-agent opencode" installs it, and --json says where to attach by other means';
  throw new HoldfastError("sandbox", "agent_not_installed", message, { statusCode: 404 });
}

/** Gives the terminal to the program until it ends. The token is not on its command line. */
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
  // What is pressed in the terminal reaches the program itself; it decides what happens.
  const ignore = () => {};
  process.on("SIGINT", ignore);
  try {
    const [code] = await once(child, "exit");
    return typeof code === "number" ? code : 1;
  } finally {
    process.off("SIGINT", ignore);
  }
}
