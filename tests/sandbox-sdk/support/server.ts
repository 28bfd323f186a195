import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ownImports } from "@holdfast/testing/own-imports";

const entry = join(import.meta.dirname, "..", "..", "..", "packages", "sandbox", "src", "cli.ts");
const script = join(import.meta.dirname, "agent.mjs");

/** A sandbox server in a process of its own, with the demo agent and two scripted ones. */
export interface RunningServer {
  readonly url: string;
  readonly token: string;
  /** HOME of agents, and the working directory of sessions. */
  readonly home: string;
  readonly work: string;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** Two starts with the same directory are one server that was started again. */
export async function startServer(directory?: string, port = 0, token?: string): Promise<RunningServer> {
  const base = directory ?? (await realpath(await mkdtemp(join(tmpdir(), "holdfast-sdk-"))));
  const [home, work] = [join(base, "home"), join(base, "work")];
  await Promise.all([home, work].map((path) => mkdir(path, { recursive: true, mode: 0o700 })));
  await writeFile(join(work, "README.md"), "# Sample\n");
  const config = join(base, "config.json");
  const agents = [
    { id: "optioned", command: process.execPath, args: [script] },
    { id: "forgetful", command: process.execPath, args: [script, "--forgets"] },
  ];
  await writeFile(config, JSON.stringify({ agents }));
  const given = token === undefined ? [] : ["--token", token];
  const args = [
    ...ownImports,
    entry,
    "--port",
    String(port),
    "--home",
    home,
    "--cwd",
    work,
    "--config",
    config,
    ...given,
  ];
  const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"], env });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const ready = await new Promise<{ url: string; token: string }>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the server exited with ${code}`)));
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line)));
  });
  return {
    ...ready,
    home,
    work,
    child,
    async stop() {
      child.kill("SIGTERM");
      await exited;
      if (directory === undefined) await rm(base, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
