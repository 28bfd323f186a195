/** Servers to compare: ours as its command starts it, and the peer's binary. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensure } from "../internal/scenario.ts";
import { ask } from "./client.ts";
import { peerBinary } from "./peer.ts";

/** Command line of a server; `port`, `home` and `work` are filled in. */
interface Kind {
  readonly command: (where: Where) => readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

interface Where {
  readonly port: number;
  readonly home: string;
  readonly work: string;
}

const command = join(import.meta.dirname, "..", "..", "packages", "holdfast", "bin", "holdfast.js");
const profiles = join(import.meta.dirname, "..", "..", ".cache", "profiles");
const cache = join(import.meta.dirname, "..", "..", ".cache", "bench");
const agent = join(import.meta.dirname, "agent.mjs");
const smallFile = "x".repeat(1_024);

/** Our command from a checkout, with the same Node and the compile cache of an earlier start. */
const ours: Kind = {
  env: { XDG_CACHE_HOME: cache },
  command: ({ port, home, work }) => [
    process.execPath,
    ...(process.env["BENCH_PROFILE"] === "sandbox" ? ["--cpu-prof", `--cpu-prof-dir=${profiles}`] : []),
    command,
    ...["sandbox", "server", "--no-token", "--port", String(port), "--home", home, "--cwd", work],
  ],
};

const peerCommand = (binary: string): Kind["command"] => {
  const flags = ["server", "--no-token", "--no-telemetry", "--port"];
  return ({ port }) => [binary, ...flags, String(port)];
};

export interface Servers {
  readonly names: readonly string[];
  readonly notes: readonly string[];
}

/** Ours, the peer with its defaults, and the peer without its request log. */
export function serverKinds(): { readonly kinds: Readonly<Record<string, Kind>>; readonly notes: string[] } {
  const binary = peerBinary();
  if ("missing" in binary) return { kinds: { ours }, notes: [binary.missing] };
  const peer = { command: peerCommand(binary.path) };
  return {
    kinds: { ours, peer, "peer, no log": { ...peer, env: { SANDBOX_AGENT_LOG_HTTP: "0" } } },
    notes: ["the peer is sandbox-agent 0.4.2; it writes a line for each request unless told not to"],
  };
}

/** Running server with its own directory: a HOME with a scripted agent, and a small file. */
export class SandboxServer {
  readonly port: number;
  readonly work: string;
  /** Milliseconds from the start of its process to its first answer. */
  readonly startMs: number;
  readonly #child: ChildProcess;
  readonly #base: string;

  private constructor(child: ChildProcess, base: string, where: Where, startMs: number) {
    this.#child = child;
    this.#base = base;
    this.port = where.port;
    this.work = where.work;
    this.startMs = startMs;
  }

  static async start(kind: Kind): Promise<SandboxServer> {
    const base = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-bench-")));
    const [home, work] = [join(base, "home"), join(base, "work")];
    const launchers = join(home, ".local/share/sandbox-agent/bin/agent_processes");
    for (const path of [launchers, work]) mkdirSync(path, { recursive: true });
    // Both servers load a user's own agent from here.
    const launcher = join(launchers, "mock-acp");
    writeFileSync(launcher, `#!/bin/sh\nexec '${process.execPath}' '${agent}' "$@"\n`);
    chmodSync(launcher, 0o755);
    writeFileSync(join(work, "small.txt"), smallFile);
    const where = { port: await freePort(), home, work };
    const [program, ...args] = kind.command(where);
    const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
    const startedAt = performance.now();
    const child = spawn(program, args, {
      cwd: work,
      env: { ...env, HOME: home, ...kind.env },
      stdio: ["ignore", "ignore", "inherit"],
    });
    await answers(child, where.port);
    return new SandboxServer(child, base, where, performance.now() - startedAt);
  }

  get smallFile(): string {
    return join(this.work, "small.txt");
  }

  /** Resident memory of the server's process, in bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
  }

  /** CPU time of the server's process so far, in microseconds. */
  cpuMicros(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, "exit");
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
      this.#child.kill("SIGTERM");
      await exited;
      clearTimeout(timer);
    }
    rmSync(this.#base, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** Runs `body` with one server of each kind, and stops them. */
export async function withServers<Result>(
  body: (servers: ReadonlyMap<string, SandboxServer>, notes: readonly string[]) => Promise<Result>,
): Promise<Result> {
  const { kinds, notes } = serverKinds();
  const servers = new Map<string, SandboxServer>();
  try {
    for (const [name, kind] of Object.entries(kinds)) servers.set(name, await SandboxServer.start(kind));
    return await body(servers, notes);
  } finally {
    for (const server of servers.values()) await server.stop();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  ensure(typeof address === "object" && address !== null, "no address");
  server.close();
  await once(server, "close");
  return address.port;
}

/** Resolves when the health route answers. Rejects when the process exits first, or after 20 seconds. */
async function answers(child: ChildProcess, port: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    ensure(child.exitCode === null && child.signalCode === null, "a server exited before it answered");
    const answer = await ask(port, "GET", "/v1/health").catch(() => undefined);
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error("a server did not answer within 20 seconds");
}
