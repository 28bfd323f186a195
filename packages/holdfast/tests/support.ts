import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, type StdioOptions, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { ownImports } from "@holdfast/testing/own-imports";
import { removeAtExit } from "@holdfast/testing/scratch";

const several = resolve(import.meta.dirname, "several-commands.ts");
const program = resolve(import.meta.dirname, "..", "bin", "holdfast.js");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Skips where there is no bubblewrap; in CI its absence is a failure. */
export function needsJail(t: TestContext): boolean {
  if (spawnSync("bwrap", ["--version"]).status === 0) return true;
  assert.notEqual(process.env["CI"], "true", "bubblewrap is missing");
  t.skip("needs bubblewrap");
  return false;
}

/** A directory of the test's own, gone with its process. */
export function scratch(_t?: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
  removeAtExit(directory);
  return directory;
}

/** A git repository with one commit. */
export function makeRepository(directory: string): string {
  const repository = join(directory, "repository");
  execFileSync("git", ["init", "-q", "-b", "main", repository]);
  writeFileSync(join(repository, "README.md"), "# Sample\n");
  git(repository, "add", "-A");
  git(repository, "-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", "start");
  return repository;
}

export function git(repository: string, ...args: string[]): string {
  return execFileSync("git", ["-C", repository, ...args], { encoding: "utf8" });
}

/** A command for the process that several share. */
export interface CommandRequest {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

let shared: ChildProcess | undefined;
/** The last command of the process that they share: one runs at a time. */
let running: Promise<unknown> = Promise.resolve();

/**
 * Runs a command in a process that it shares with others of the test file, for cases in which the process is not what is
 * tested: most of a short command is the loading of its modules. It may not end that process, go on by itself or read
 * standard input.
 */
export function command(args: readonly string[], options: Omit<RunOptions, "input"> = {}): Promise<Finished> {
  const finished = running.then(() =>
    runShared({ args, env: options.env ?? {}, cwd: options.cwd ?? tmpdir() }),
  );
  running = finished.catch(() => {});
  return finished;
}

/** Runs several commands as {@link command} does. */
export async function commandEach(
  lists: readonly (readonly string[])[],
  options: Omit<RunOptions, "input"> = {},
): Promise<readonly Finished[]> {
  return Promise.all(lists.map((args) => command(args, options)));
}

async function runShared(request: CommandRequest): Promise<Finished> {
  shared ??= spawnNode([...ownImports, several], {}, ["ignore", "ignore", "inherit", "ipc"]);
  const child = shared;
  child.ref();
  child.channel?.ref();
  child.send(request);
  try {
    return await new Promise<Finished>((resolvePromise, reject) => {
      child.once("message", resolvePromise as (message: unknown) => void);
      child.once("exit", (code) => reject(new Error(`"${request.args.join(" ")}" ended with ${code}`)));
    });
  } finally {
    child.removeAllListeners("message").removeAllListeners("exit");
    child.unref();
    child.channel?.unref();
  }
}

/** Runs the command to its end with the environment of the test, less what would change its answers. */
export function holdfast(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return finished(start(args, options), options);
}

function finished(child: ChildProcess, { input = "" }: RunOptions): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  child.stdin?.end(input);
  return new Promise((resolvePromise, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolvePromise({ code, stdout, stderr }));
  });
}

export function start(args: readonly string[], options: RunOptions = {}): ChildProcess {
  return spawnNode([program, ...args], options);
}

function spawnNode(
  args: readonly string[],
  options: RunOptions,
  stdio: StdioOptions = ["pipe", "pipe", "pipe"],
): ChildProcess {
  const { HOLDFAST_PORT: _port, ...environment } = process.env;
  // A command that makes a data directory before it has looked at its arguments fails here.
  environment["HOLDFAST_DATA"] = "/dev/null/none";
  return spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...environment, ...options.env },
    stdio,
  });
}

export interface RunningServer {
  readonly process: ChildProcess;
  readonly url: string;
  readonly link: string;
  /** What it has written to standard error. */
  stderr(): string;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts a server on a port of the system's choice and waits for its link. */
export async function startServer(
  t: { after(end: () => Promise<unknown>): void },
  dataDirectory: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  const child = start(["start", "--port", "0", "--json", "--data", dataDirectory, ...args], { env });
  const ended = new Promise<number | null>((resolvePromise) => child.on("close", resolvePromise));
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const line = await new Promise<string>((resolvePromise, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end >= 0) resolvePromise(text.slice(0, end));
    });
    void ended.then((code) => reject(new Error(`The server ended with ${code}: ${stderr}`)));
  });
  const { url, link } = JSON.parse(line) as { url: string; link: string };
  const stop = (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    return ended;
  };
  t.after(() => stop("SIGKILL"));
  return { process: child, url, link, stop, stderr: () => stderr };
}
