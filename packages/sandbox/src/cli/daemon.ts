/** The `holdfast sandbox` command line. */
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
  type DaemonFiles,
  type DaemonRecord,
  daemonFiles,
  isRunning,
  processStartTime,
  readRecord,
  removeRecord,
  writeRecord,
} from "./daemon-record.ts";
import { print } from "./output.ts";

export const daemonUsage = `holdfast sandbox daemon start | stop | status

  start                 starts a server in the background and waits until it is reachable
    -t, --token TOKEN   the token (default: HOLDFAST_SANDBOX_TOKEN, else a new one, which is printed)
    -n, --no-token      without a token
        --upgrade       replaces a running server of another version
  stop                  stops the server with all its agents and processes
  status                prints whether the server is running; exits with 0 either way
  -H, --host HOST       (default: 127.0.0.1)
  -p, --port PORT       (default: 2468)
      --json            machine-readable output`;

const startTimeoutMs = 30_000;
const defaultStopTimeouts = {
  /** A server shuts down within five seconds; a longer shutdown hangs. */
  endMs: 10_000,
  /** A killed process ends immediately, unless a system call blocks it. */
  killMs: 5_000,
};

/** Returns the version of this package. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return isRecord(manifest) ? String(manifest["version"]) : "unknown";
}

/** The background server that a verb acts on. */
export interface DaemonTarget {
  readonly host: string;
  readonly port: number;
  readonly files: DaemonFiles;
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
  if (port === 0)
    throw new UsageError("A daemon is found again by its port: choose a fixed one with --port.");
  const files = daemonFiles(process.env["HOME"] ?? homedir(), host, port);
  const target = { host, port, files, json: values.json === true };
  switch (verb) {
    case "start": {
      const token =
        values["no-token"] === true ? undefined : (values.token ?? process.env["HOLDFAST_SANDBOX_TOKEN"]);
      return await start(target, {
        token,
        open: values["no-token"] === true,
        upgrade: values.upgrade === true,
      });
    }
    case "stop":
      return await stop(target);
    case "status":
      return await status(target);
    default:
      throw new UsageError(
        verb === undefined ? "start, stop or status is missing" : `There is no "daemon ${verb}"`,
      );
  }
}

async function start(
  target: DaemonTarget,
  options: { readonly token: string | undefined; readonly open: boolean; readonly upgrade: boolean },
): Promise<number> {
  const running = await runningDaemon(target.files);
  if (running && !(options.upgrade && running.release !== packageVersion())) {
    report(
      target,
      { running: true, started: false, ...recordFields(running) },
      `The server is already running at ${running.url}`,
    );
    return 0;
  }
  if (running) await stopDaemon(running, target.files);
  const isNew = options.token === undefined && !options.open;
  const token = isNew ? randomBytes(24).toString("base64url") : options.token;
  const record = await launchDaemon(target, token);
  report(
    target,
    { running: true, started: true, ...recordFields(record), ...(isNew ? { token } : {}) },
    `The sandbox server is listening at ${record.url}`,
    ...(isNew ? [`Its token, which is not stored: ${token}`] : []),
  );
  return 0;
}

async function stop(target: DaemonTarget): Promise<number> {
  const running = await runningDaemon(target.files);
  if (running) await stopDaemon(running, target.files);
  report(
    target,
    { running: false, stopped: running !== undefined },
    running ? "The server has stopped" : "The server is not running",
  );
  return 0;
}

async function status(target: DaemonTarget): Promise<number> {
  const running = await runningDaemon(target.files);
  const text = running
    ? `The server is running at ${running.url}, process ${running.pid}`
    : "The server is not running";
  report(target, { running: running !== undefined, ...(running ? recordFields(running) : {}) }, text);
  return 0;
}

function report({ json }: DaemonTarget, value: object, ...lines: readonly string[]): void {
  print(json, value, () => lines);
}

function recordFields({ pid, url, release }: DaemonRecord) {
  return { pid, url, version: release };
}

/** Returns the record of the server, if it is still running. */
export async function runningDaemon(files: DaemonFiles): Promise<DaemonRecord | undefined> {
  const record = await readRecord(files.record);
  return record && (await isRunning(record)) ? record : undefined;
}

/**
 * Starts the server and waits until it reports its URL. The token is not on its command line, where other users could
 * read it.
 */
export async function launchDaemon(
  { host, port, files }: DaemonTarget,
  token: string | undefined,
): Promise<DaemonRecord> {
  await mkdir(dirname(files.log), { recursive: true, mode: 0o700 });
  const log = await open(files.log, "a", 0o600);
  const program = fileURLToPath(
    new URL(`../cli.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url),
  );
  const args = [program, "server", "--host", host, "--port", String(port)];
  if (token === undefined) args.push("--no-token");
  const { HOLDFAST_SANDBOX_TOKEN: _inherited, ...env } = process.env;
  try {
    const child = spawn(process.execPath, args, {
      detached: true,
      // Standard output would put the token into the log. The IPC channel carries the same messages.
      stdio: ["ignore", "ignore", log.fd, "ipc"],
      env: { ...env, ...(token === undefined ? {} : { HOLDFAST_SANDBOX_TOKEN: token }) },
    });
    const url = await reportedUrl(child).catch(async (cause: unknown) => {
      child.kill("SIGKILL");
      const tail = (await readFile(files.log, "utf8")).trimEnd().split("\n").slice(-3).join("\n");
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
      began: (await processStartTime(pid)) ?? "",
      url,
      release: packageVersion(),
    };
    await writeRecord(files.record, record);
    return record;
  } finally {
    await log.close();
  }
}

/** Waits for the URL that the server reports. Rejects when the server exits first or does not report in time. */
async function reportedUrl(child: ChildProcess): Promise<string> {
  const reported = Promise.withResolvers<string>();
  const timer = setTimeout(
    () => reported.reject(new Error(`it did not report its address within ${startTimeoutMs} ms`)),
    startTimeoutMs,
  );
  child.once("error", reported.reject);
  child.once("exit", (code) => reported.reject(new Error(`it exited with code ${code}`)));
  child.once("message", (message) => reported.resolve(isRecord(message) ? String(message["url"]) : ""));
  try {
    return await reported.promise;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Ends the recorded process and no other. Polls, because the exit of a process that is no child raises no event.
 * Throws `daemon_failed` for a process that survives SIGKILL, for instance while its disk hangs.
 */
export async function stopDaemon(
  record: DaemonRecord,
  files: DaemonFiles,
  { endMs, killMs } = defaultStopTimeouts,
): Promise<void> {
  signal(record.pid, "SIGTERM");
  if (!(await exitsWithin(record, endMs))) {
    signal(record.pid, "SIGKILL");
    if (!(await exitsWithin(record, killMs))) {
      const message = `The server, process ${record.pid}, was killed but has not exited within ${killMs} ms: a system call blocks it`;
      throw new HoldfastError("sandbox", "daemon_failed", message);
    }
  }
  await removeRecord(files.record);
}

async function exitsWithin(record: DaemonRecord, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (await isRunning(record)) {
    if (performance.now() > deadline) return false;
    await delay(50);
  }
  return true;
}

/** Signals a process. One that has already exited counts as signaled. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
