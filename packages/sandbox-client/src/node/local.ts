import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer, Socket } from "node:net";
import { delimiter, join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { SandboxProvider } from "../providers/provider.ts";
import { SandboxDestroyedError } from "../sdk/errors.ts";

/** What becomes of the server's output. */
export type SandboxAgentSpawnLogMode = "inherit" | "pipe" | "silent";

export interface LocalProviderOptions {
  /** 127.0.0.1 by default. */
  host?: string;
  /** A free one by default. */
  port?: number;
  /** 24 random bytes by default. */
  token?: string;
  /**
   * A program that takes `server --host H --port P`. By default `HOLDFAST_SANDBOX_BIN`, then
   * `SANDBOX_AGENT_BIN`, then `holdfast` in PATH (called with `sandbox server`).
   */
  binaryPath?: string;
  log?: SandboxAgentSpawnLogMode;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
  /** How long the server may take until it answers, however often it has to be started; 15 s by default. */
  timeoutMs?: number;
}

interface Running {
  readonly child: ChildProcess;
  readonly token: string;
  readonly url: string;
  readonly exited: Promise<void>;
}

const graceMs = 5_000;
const maxAttempts = 3;

/**
 * A sandbox server as a process of this machine: no isolation at all, for work on one's own code. The
 * server ends with {@link SandboxProvider.destroy}, and with this process, which it does not keep running: Holdfast's
 * own also when that is killed.
 */
export function local(options: LocalProviderOptions = {}): SandboxProvider {
  const servers = new Map<string, Running>();
  const host = options.host ?? "127.0.0.1";
  const find = (id: string): Running => {
    const running = servers.get(id);
    if (running) return running;
    throw new SandboxDestroyedError(id, "local");
  };
  return {
    name: "local",
    defaultCwd: process.cwd(),
    async create() {
      const timeoutMs = options.timeoutMs ?? 15_000;
      const deadline = Date.now() + timeoutMs;
      // A free port may be taken before the server has it; a given one is the caller's affair.
      for (let attempt = 1; ; attempt += 1) {
        const port = await freePort(host, options.port ?? 0);
        const running = start(options, host, port);
        try {
          await healthy(running, deadline, timeoutMs);
        } catch (error) {
          await end(running);
          if (options.port !== undefined || attempt === maxAttempts || Date.now() >= deadline) throw error;
          continue;
        }
        const id = `${host}:${port}`;
        servers.set(id, running);
        void running.exited.then(() => {
          if (servers.get(id) === running) servers.delete(id);
        });
        return id;
      }
    },
    async destroy(id) {
      const running = servers.get(id);
      if (running) await end(running);
    },
    // The token of a server that another process started is known to that process only.
    reconnect: async (id) => void find(id),
    getUrl: async (id) => find(id).url,
    getToken: async (id) => find(id).token,
  };
}

function start(options: LocalProviderOptions, host: string, port: number): Running {
  const token = options.token ?? randomBytes(24).toString("hex");
  const { command, args } = program(options.binaryPath);
  const log = options.log ?? "inherit";
  const stdio = log === "inherit" ? "inherit" : log === "pipe" ? "pipe" : "ignore";
  const child = spawn(command, [...args, "--host", host, "--port", String(port)], {
    // Nothing is written to its input, which closes when this process ends, also by SIGKILL.
    stdio: ["pipe", stdio, stdio],
    env: {
      ...process.env,
      ...options.env,
      HOLDFAST_SANDBOX_END_WITH_STDIN: "1",
      // The command line is seen by every user of the machine; the environment is not.
      HOLDFAST_SANDBOX_TOKEN: token,
      SANDBOX_AGENT_TOKEN: token,
    },
  });
  if (log === "pipe") {
    child.stdout?.pipe(process.stdout, { end: false });
    child.stderr?.pipe(process.stderr, { end: false });
  }
  letGo(child);
  endAtExit(child);
  const exited = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  }).then(() => leaveAtExit(child));
  return { child, token, url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, exited };
}

/** A program that has nothing left to do ends, although its server runs. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr])
    if (stream instanceof Socket) stream.unref();
}

/** Servers that end with this process. One listener does for all: many of them are taken for a leak. */
const children = new Set<ChildProcess>();

function endChildren(): void {
  for (const child of children) child.kill("SIGTERM");
}

function endAtExit(child: ChildProcess): void {
  if (children.size === 0) process.on("exit", endChildren);
  children.add(child);
}

function leaveAtExit(child: ChildProcess): void {
  children.delete(child);
  if (children.size === 0) process.removeListener("exit", endChildren);
}

function program(given: string | undefined): { command: string; args: string[] } {
  const path = given ?? process.env["HOLDFAST_SANDBOX_BIN"] ?? process.env["SANDBOX_AGENT_BIN"];
  if (path !== undefined) return { command: path, args: ["server"] };
  const found = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((directory) => join(directory, "holdfast"))
    .find((candidate) => existsSync(candidate));
  if (found !== undefined) return { command: found, args: ["sandbox", "server"] };
  throw new HoldfastError(
    "sandbox",
    "no_server_program",
    "No sandbox server was found: install the package holdfast, or set binaryPath or HOLDFAST_SANDBOX_BIN",
    { statusCode: 500 },
  );
}

async function healthy(running: Running, deadline: number, timeoutMs: number): Promise<void> {
  const { child, token, url } = running;
  let ended: string | undefined;
  child.once("error", (error) => {
    ended = error.message;
  });
  for (;;) {
    const exit = child.exitCode ?? child.signalCode;
    if (ended !== undefined || exit !== null) throw failed(`it ended with ${ended ?? exit}`);
    const signal = AbortSignal.timeout(Math.max(1, deadline - Date.now()));
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/v1/health`, { headers, signal }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    if (response?.status === 401) throw failed("another server has the port");
    if (Date.now() >= deadline) throw failed(`it did not answer within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function failed(why: string): HoldfastError {
  return new HoldfastError("sandbox", "server_not_started", `The sandbox server did not start: ${why}`, {
    statusCode: 500,
  });
}

async function end(running: Running): Promise<void> {
  const { child, exited } = running;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await exited;
  clearTimeout(timer);
}

/**
 * Returns a free port: `port`, or any if it is 0. Checked because a program that already listens there would be
 * mistaken for the server. Another program can still take the port afterwards.
 */
async function freePort(host: string, wanted: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(failed(error.message)));
    server.listen(wanted, host, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
