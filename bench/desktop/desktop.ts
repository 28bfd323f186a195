/** The desktop of a sandbox server beside the programs that others call for the same. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createSandboxServer } from "@holdfast/sandbox";
import { ensure } from "../internal/scenario.ts";

const run = promisify(execFile);
const ticksPerSecond = 100;

/** Calls the desktop routes of a server in this process. */
export class Desktop {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  /** What programs need to reach the display. */
  env: NodeJS.ProcessEnv = process.env;

  constructor(url: string, token: string) {
    this.#url = `${url}/v1/`;
    this.#headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  }

  async get(path: string): Promise<Buffer> {
    return await this.#call(path, { method: "GET" });
  }

  /** A JSON answer. */
  async read(path: string): Promise<Record<string, unknown>> {
    return JSON.parse((await this.get(path)).toString("utf8")) as Record<string, unknown>;
  }

  async post(path: string, body: object = {}): Promise<Record<string, unknown>> {
    const answer = await this.#call(path, { method: "POST", body: JSON.stringify(body) });
    return JSON.parse(answer.toString("utf8")) as Record<string, unknown>;
  }

  async start(): Promise<void> {
    const { display, authority } = await this.post("desktop/start", { width: 1_440, height: 900 });
    this.env = { ...process.env, DISPLAY: String(display), XAUTHORITY: String(authority) };
  }

  /** Runs a program on the display. */
  async run(program: string, args: readonly string[]): Promise<Buffer> {
    const { stdout } = await run(program, args, {
      env: this.env,
      encoding: "buffer",
      maxBuffer: 64 * 1_048_576,
    });
    return stdout;
  }

  async #call(path: string, init: RequestInit): Promise<Buffer> {
    const response = await fetch(this.#url + path, { ...init, headers: this.#headers });
    const bytes = Buffer.from(await response.arrayBuffer());
    ensure(response.ok, `${path} answered ${response.status}: ${bytes.toString("utf8", 0, 500)}`);
    return bytes;
  }
}

/** Calls `use` with a server whose desktop has not been started. */
export async function withDesktop<T>(use: (desktop: Desktop) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const server = await createSandboxServer({ listen: { host: "127.0.0.1", port: 0 }, home, cwd: home });
  try {
    return await use(new Desktop(server.url ?? "", server.token ?? ""));
  } finally {
    await server.close();
    await rm(home, { recursive: true, force: true });
  }
}

/** A window full of text, as screens of agents have it. */
export async function fillScreen(desktop: Desktop): Promise<void> {
  const { windowId } = await desktop.post("desktop/launch", {
    app: "xterm",
    args: ["-geometry", "180x50+0+0", "-e", "ls -la /usr/bin | head -n 49; exec cat"],
    wait: true,
  });
  ensure(typeof windowId === "string", "no window opened");
}

/** Milliseconds that a call took. */
export async function timed(call: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await call();
  return performance.now() - startedAt;
}

/** Processor time of a process so far. Source: proc(5), fields 14 and 15 of stat. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}
