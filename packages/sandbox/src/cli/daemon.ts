import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { noArguments, parseStrict, portOf, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { hasCode } from "../fs/system.ts";
import { isRecord } from "../http/problem.ts";
import {
  beganAt,
  type DaemonPlace,
  type DaemonRecord,
  daemonPlace,
  isRunning,
  readRecord,
  removeRecord,
  writeRecord,
} from "./daemon-record.ts";
import { print } from "./output.ts";

export const daemonUsage = `holdfast sandbox daemon start | stop | status

  start                 a server in the background; it is there when this returns
    -t, --token TOKEN   its token (default: HOLDFAST_SANDBOX_TOKEN, else a new one, which is printed)
    -n, --no-token      without a token
        --upgrade       replaces one of another version
  stop                  ends it, with all agents and processes
  status                whether it runs; exit code 0 either way
  -H, --host HOST       (default: 127.0.0.1)
  -p, --port PORT       (default: 2468)
      --json            machine-readable output`;

const startTimeoutMs = 30_000;
const patienceWithEnd = {
  /** A server ends everything within five seconds; what takes longer hangs. */
  endMs: 10_000,
  /** What was killed ends at once, unless it is within a call of the system that does not end. */
  killMs: 5_000,
};

/** The version of this package: what a background server was started from. */
export function release(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return isRecord(manifest) ? String(manifest["version"]) : "unknown";
}

export interface Where {
  readonly host: string;
  readonly port: number;
  readonly place: DaemonPlace;
  readonly json: boolean;
}

export async function daemonCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, {
    host: { type: "string", short: "H" },
    port: { type: "string", short: "p" },
    token: { type: "string", short: "t" },
    "no-token": { type: "boolean", short: "n" },
    upgrade: { type: "boolean" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    process.stdout.write(`${daemonUsage}\n`);
    return 0;
  }
  noArguments(rest);
  const host = values.host ?? "127.0.0.1";
  const port = portOf(values.port, 2_468);
  if (port === 0) throw new UsageError("a daemon is found again by its port: name one");
  const place = daemonPlace(process.env["HOME"] ?? homedir(), host, port);
  const where = { host, port, place, json: values.json === true };
  switch (verb) {
    case "start": {
      const token =
        values["no-token"] === true ? undefined : (values.token ?? process.env["HOLDFAST_SANDBOX_TOKEN"]);
      return await start(where, {
        token,
        open: values["no-token"] === true,
        upgrade: values.upgrade === true,
      });
    }
    case "stop":
      return await stop(where);
    case "status":
      return await status(where);
    default:
      throw new UsageError(
        verb === undefined ? "start, stop or status is missing" : `There is no "daemon ${verb}"`,
      );
  }
}

async function start(
  where: Where,
  options: { readonly token: string | undefined; readonly open: boolean; readonly upgrade: boolean },
): Promise<number> {
  const running = await currentDaemon(where.place);
  if (running && !(options.upgrade && running.release !== release())) {
    report(where, { running: true, started: false, ...shown(running) }, `It runs already at ${running.url}`);
    return 0;
  }
  if (running) await endDaemon(running, where.place);
  const isNew = options.token === undefined && !options.open;
  const token = isNew ? randomBytes(24).toString("base64url") : options.token;
  const record = await launchDaemon(where, token);
  report(
    where,
    { running: true, started: true, ...shown(record), ...(isNew ? { token } : {}) },
    `The sandbox server listens at ${record.url}`,
    ...(isNew ? [`Its token, which is not kept: ${token}`] : []),
  );
  return 0;
}

async function stop(where: Where): Promise<number> {
  const running = await currentDaemon(where.place);
  if (running) await endDaemon(running, where.place);
  report(
    where,
    { running: false, stopped: running !== undefined },
    running ? "It is stopped" : "It does not run",
  );
  return 0;
}

async function status(where: Where): Promise<number> {
  const running = await currentDaemon(where.place);
  const text = running ? `It runs at ${running.url}, process ${running.pid}` : "It does not run";
  report(where, { running: running !== undefined, ...(running ? shown(running) : {}) }, text);
  return 0;
}

function report({ json }: Where, value: object, ...lines: readonly string[]): void {
  print(json, value, () => lines);
}

function shown({ pid, url, release }: DaemonRecord) {
  return { pid, url, version: release };
}

export async function currentDaemon(place: DaemonPlace): Promise<DaemonRecord | undefined> {
  const record = await readRecord(place.record);
  return record && (await isRunning(record)) ? record : undefined;
}

/** Starts the server and waits until it says that it can be reached. The token is not on its command line. */
export async function launchDaemon(
  { host, port, place }: Where,
  token: string | undefined,
): Promise<DaemonRecord> {
  await mkdir(dirname(place.log), { recursive: true, mode: 0o700 });
  const log = await open(place.log, "a", 0o600);
  const program = fileURLToPath(
    new URL(`../cli.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url),
  );
  const args = [program, "server", "--json", "--host", host, "--port", String(port)];
  if (token === undefined) args.push("--no-token");
  const { HOLDFAST_SANDBOX_TOKEN: _inherited, ...env } = process.env;
  try {
    const child = spawn(process.execPath, args, {
      detached: true,
      // Its standard output would hold the token; what it says there comes over the channel as well.
      stdio: ["ignore", "ignore", log.fd, "ipc"],
      env: { ...env, ...(token === undefined ? {} : { HOLDFAST_SANDBOX_TOKEN: token }) },
    });
    const url = await addressOf(child).catch(async (cause: unknown) => {
      child.kill("SIGKILL");
      const tail = (await readFile(place.log, "utf8")).trimEnd().split("\n").slice(-3).join("\n");
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new HoldfastError("sandbox", "daemon_failed", `The server did not start: ${why}\n${tail}`, {
        cause,
      });
    });
    const pid = child.pid ?? 0;
    child.removeAllListeners();
    child.disconnect();
    child.unref();
    const record: DaemonRecord = {
      version: 1,
      pid,
      began: (await beganAt(pid)) ?? "",
      url,
      release: release(),
    };
    await writeRecord(place.record, record);
    return record;
  } finally {
    await log.close();
  }
}

/** Where a server can be reached, as it says itself. Rejects when it does not in time, or ends before. */
async function addressOf(child: ChildProcess): Promise<string> {
  const said = Promise.withResolvers<string>();
  const timer = setTimeout(
    () => said.reject(new Error(`it was not there after ${startTimeoutMs} ms`)),
    startTimeoutMs,
  );
  child.once("error", said.reject);
  child.once("exit", (code) => said.reject(new Error(`it exited with code ${code}`)));
  child.once("message", (message) => said.resolve(isRecord(message) ? String(message["url"]) : ""));
  try {
    return await said.promise;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Ends the process of the record and nobody else. The end of a foreign process has no event to wait for.
 * Throws `daemon_failed` for one that the system does not let go, for instance since its disk hangs.
 */
export async function endDaemon(
  record: DaemonRecord,
  place: DaemonPlace,
  { endMs, killMs } = patienceWithEnd,
): Promise<void> {
  signal(record.pid, "SIGTERM");
  if (!(await isGoneWithin(record, endMs))) {
    signal(record.pid, "SIGKILL");
    if (!(await isGoneWithin(record, killMs))) {
      const message = `The server, process ${record.pid}, was killed and has not ended in ${killMs} ms: the system holds it`;
      throw new HoldfastError("sandbox", "daemon_failed", message);
    }
  }
  await removeRecord(place.record);
}

async function isGoneWithin(record: DaemonRecord, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (await isRunning(record)) {
    if (performance.now() > deadline) return false;
    await delay(50);
  }
  return true;
}

/** A process that has gone by itself since it was looked for is what the signal is for. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
