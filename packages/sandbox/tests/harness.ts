import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, realpath, writeFile } from "node:fs/promises";
import type { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type AcpConnection, type Envelope, SandboxClient } from "@holdfast/sandbox-client";
import { fetchOver, listenForDial, unixAgent } from "@holdfast/sandbox-client/node";
import { compileCache, ownImports } from "@holdfast/testing/own-imports";
import { removeAtExit } from "@holdfast/testing/scratch";
import { agentTable, createSandboxServer, customAgent, type SandboxServerOptions } from "../src/index.ts";

export type Transport = "tcp" | "unix" | "dial";
export const transports: readonly Transport[] = ["tcp", "unix", "dial"];

export interface Sandbox {
  readonly client: SandboxClient;
  /** HOME of agents. */
  readonly home: string;
  /** Working directory of agents. */
  readonly work: string;
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  /** Connections that are closed with the sandbox. */
  readonly connections: Set<AcpConnection>;
  close(): Promise<void>;
}

/** Creates a directory that is removed when the test process ends. */
export async function temporary(_t: TestContext): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "holdfast-sandbox-")));
  removeAtExit(path);
  return path;
}

/** A running server with a client, over one of the three transports. */
export async function startSandbox(
  t: TestContext,
  transport: Transport = "unix",
  options: Partial<SandboxServerOptions> = {},
): Promise<Sandbox> {
  const directory = await temporary(t);
  const [home, work] = [join(directory, "home"), join(directory, "work")];
  await Promise.all([mkdirp(home), mkdirp(work)]);
  await writeFile(join(work, "README.md"), "# Sample\n");
  const common = { home, cwd: work, env: compileCache, ...options };
  const cleanup: (() => Promise<unknown> | undefined)[] = [];
  const connections = new Set<AcpConnection>();
  const finish = async () => {
    for (const connection of connections) connection.detach();
    for (const step of cleanup.splice(0)) await step();
  };
  t.after(finish);
  if (transport === "tcp") {
    const server = await createSandboxServer({ ...common, listen: { host: "127.0.0.1", port: 0 } });
    cleanup.push(() => server.close());
    const { url = "", token } = server;
    const fetch: typeof globalThis.fetch = (input, init) => {
      const headers = new Headers(init?.headers);
      if (token !== undefined && !headers.has("authorization"))
        headers.set("authorization", `Bearer ${token}`);
      return globalThis.fetch(input, { ...init, headers });
    };
    const client = await SandboxClient.connect({ baseUrl: url, ...(token === undefined ? {} : { token }) });
    return { client, home, work, url, fetch, connections, close: finish };
  }
  const socket = join(directory, "run", "control.sock");
  let agent: Agent;
  if (transport === "dial") {
    const host = await listenForDial(socket);
    const server = await createSandboxServer({ ...common, listen: { dial: socket } });
    cleanup.push(
      () => server.close(),
      () => host.close(),
    );
    agent = host.agent;
  } else {
    await mkdirp(join(directory, "run"));
    const server = await createSandboxServer({ ...common, listen: { unix: socket } });
    agent = unixAgent(socket);
    cleanup.push(
      () => server.close(),
      async () => agent.destroy(),
    );
  }
  const fetch = fetchOver(agent);
  const client = await SandboxClient.connect({ baseUrl: "http://sandbox", fetch });
  return { client, home, work, url: "http://sandbox", fetch, connections, close: finish };
}

/** Returns a table with the demo agent and an agent that runs this Node script. */
export async function withScript(t: TestContext, id: string, source: string) {
  const path = join(await temporary(t), `${id}.mjs`);
  await writeFile(path, source);
  return [...agentTable, customAgent({ id, command: process.execPath, args: [path] })];
}

/** An open session of an agent, initialized and created, which records every envelope. */
export interface OpenSession {
  readonly acp: AcpConnection;
  readonly sessionId: string;
  readonly seen: Envelope[];
  prompt(text: string): Promise<unknown>;
}

export async function openSession(
  sandbox: Sandbox,
  options: { agent?: string; serverId?: string; allow?: boolean } = {},
): Promise<OpenSession> {
  const seen: Envelope[] = [];
  const acp = sandbox.client.acp(options.serverId ?? "s1", {
    agent: options.agent ?? "demo",
    onEnvelope(envelope) {
      seen.push(envelope);
      const { message, direction } = envelope;
      if (direction !== "from-agent" || message.method !== "session/request_permission") return;
      if (options.allow === undefined || message.id === undefined) return;
      const optionId = options.allow ? "allow-once" : "reject-once";
      void acp.respond(message.id, { result: { outcome: { outcome: "selected", optionId } } });
    },
  });
  sandbox.connections.add(acp);
  await acp.request("initialize", { protocolVersion: 1, clientCapabilities: {} });
  const created = await acp.request("session/new", { cwd: sandbox.work, mcpServers: [] });
  const sessionId = field(created, "sessionId");
  assert.equal(typeof sessionId, "string");
  return {
    acp,
    sessionId: String(sessionId),
    seen,
    prompt: (text) => acp.request("session/prompt", { sessionId, prompt: [{ type: "text", text }] }),
  };
}

/** Returns a nested member of an unknown value; undefined if it does not exist. */
export function field(value: unknown, ...names: readonly (string | number)[]): unknown {
  let current = value;
  for (const name of names) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Object.getOwnPropertyDescriptor(current, name)?.value;
  }
  return current;
}

/** Returns the `session/update` payloads among envelopes. */
export function updates(seen: readonly Envelope[]): unknown[] {
  return seen
    .filter((envelope) => envelope.message.method === "session/update")
    .map((envelope) => field(envelope.message.params, "update"));
}

/** Far shorter than the sleeps of the test processes, and far longer than a busy machine needs to end them. */
export const soonMs = 20_000;

/**
 * Polls until `condition` is true; fails after `timeoutMs`. For changes without an event, such as the exit of foreign
 * processes.
 */
export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 30_000) {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `timed out waiting until ${what}`);
    await delay(20);
  }
}

/** Returns the ids of living processes whose command line contains `text`. */
export async function processesWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const [command, stat] = await Promise.all(
      ["cmdline", "stat"].map((file) => readFile(`/proc/${name}/${file}`, "utf8").catch(() => "")),
    );
    const state = stat?.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
    if (state !== "Z" && command?.includes(text)) found.push(Number(name));
  }
  return found;
}

async function mkdirp(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

export interface ServerProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly client: SandboxClient;
  /** Set on TCP; empty otherwise. The same applies to the token. */
  readonly url: string;
  readonly token: string;
  readonly home: string;
  readonly work: string;
}

/**
 * Starts a server in a separate process, as the command does; on TCP with a free port. `through` is a wrapper program
 * with its arguments.
 */
export async function startServerProcess(
  t: TestContext,
  config: object = {},
  transport: Transport = "tcp",
  entry: string = fileURLToPath(new URL("../src/cli.ts", import.meta.url)),
  through: readonly string[] = [],
): Promise<ServerProcess> {
  const directory = await temporary(t);
  const [home, work, run] = [join(directory, "home"), join(directory, "work"), join(directory, "run")];
  await Promise.all([home, work, run].map(mkdirp));
  const socket = join(run, "control.sock");
  const configPath = join(directory, "config.json");
  await writeFile(configPath, JSON.stringify(config));
  const host = transport === "dial" ? await listenForDial(socket) : undefined;
  if (host) t.after(() => host.close());
  const agent = host?.agent ?? unixAgent(socket);
  t.after(() => agent.destroy());
  const listen = transport === "tcp" ? ["--port", "0"] : [`--${transport}`, socket];
  const args = [...ownImports, entry, ...listen, "--home", home, "--cwd", work, "--config", configPath];
  const [program = process.execPath, ...rest] = [...through, process.execPath, ...args];
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => child.kill("SIGKILL"));
  const ready: unknown = await new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the server exited with ${code}`)));
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line)));
  });
  const client = await SandboxClient.connect(
    transport === "tcp"
      ? { baseUrl: String(field(ready, "url")), token: String(field(ready, "token")) }
      : { fetch: fetchOver(agent) },
  );
  const [url, token] = ["url", "token"].map((name) => String(field(ready, name) ?? ""));
  return { child, pid: child.pid ?? 0, client, home, work, url: url ?? "", token: token ?? "" };
}
