/** Vercel's API as `@vercel/sandbox` speaks it, with machines that run what they are told. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { quoted } from "../../src/providers/remote.ts";
import { type Machine, Machines } from "../providers/machine.ts";

export interface SessionAnswer {
  id: string;
  memory: number;
  vcpus: number;
  region: string;
  timeout: number;
  status: "running" | "stopped";
  requestedAt: number;
  startedAt: number;
  createdAt: number;
  updatedAt: number;
  cwd: string;
}

export interface SandboxAnswer {
  name: string;
  persistent: boolean;
  region: string;
  timeout: number;
  createdAt: number;
  updatedAt: number;
  currentSessionId: string;
  status: SessionAnswer["status"];
  cwd: string;
}

export interface RouteAnswer {
  url: string;
  subdomain: string;
  port: number;
}

export interface WholeAnswer {
  sandbox: SandboxAnswer;
  session: SessionAnswer;
  routes: RouteAnswer[];
  resumed: boolean;
}

export interface CommandAnswer {
  id: string;
  name: string;
  args: string[];
  cwd: string;
  sessionId: string;
  exitCode: number | null;
  startedAt: number;
}

interface CreateRequest {
  ports: number[];
  timeout?: number;
  projectId: string;
}

interface CommandRequest {
  command: string;
  args: string[];
  env: Record<string, string>;
  wait?: boolean;
}

interface Box {
  readonly name: string;
  readonly machine: Machine;
  readonly ports: readonly number[];
  readonly timeoutMs: number;
  session: number;
  running: boolean;
}

/** What the vendor does where nothing is said. */
const vendorTimeoutMs = 5 * 60_000;
const cwd = "/vercel/sandbox";
export const credentials = { token: "token of the team", teamId: "team_1", projectId: "prj_1" };

export class VercelService {
  readonly #machines = new Machines();
  readonly #boxes = new Map<string, Box>();
  readonly #server: Server;
  #made = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  static async listen(): Promise<VercelService> {
    const service = new VercelService();
    service.#server.listen(0, "127.0.0.1");
    await once(service.#server, "listening");
    return service;
  }

  /** For the SDK's option of that name: the address of the API is fixed in it. */
  readonly fetch: typeof globalThis.fetch = (input, init) => {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the service does not listen");
    const { origin, pathname, search } = new URL(input instanceof Request ? input.url : input);
    if (origin !== "https://vercel.com") throw new Error(`the SDK asked ${origin}`);
    return globalThis.fetch(`http://127.0.0.1:${address.port}${pathname}${search}`, init);
  };

  get names(): string[] {
    return [...this.#boxes.keys()];
  }

  /** Where the vendor's domain would lead. */
  urlOf(name: string): string {
    return this.#box(name).machine.url;
  }

  timeoutMsOf(name: string): number {
    return this.#box(name).timeoutMs;
  }

  /** As when its time is over: its processes end, its files are kept. */
  async expire(name: string): Promise<void> {
    const box = this.#box(name);
    box.running = false;
    await box.machine.stop();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#machines.clear();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://vercel");
    const { method = "" } = request;
    const allowed =
      request.headers.authorization === `Bearer ${credentials.token}` &&
      searchParams.get("teamId") === credentials.teamId;
    if (!allowed) return fail(response, 403, "forbidden", "Not authorized");
    const [api, version = "", , second = "", third = "", fourth = ""] = pathname.split("/").slice(1);
    if (api !== "api") return fail(response, 404, "unknown_route", pathname);
    if (second === "sessions") return await this.#inSession(request, response, third, fourth);
    if (method === "POST" && version === "v3" && second === "") {
      const created: CreateRequest = JSON.parse(await text(request));
      return json(response, 200, this.#whole(await this.#create(created), false));
    }
    const box = this.#boxes.get(decodeURIComponent(second));
    if (box === undefined || searchParams.get("projectId") !== credentials.projectId) {
      return fail(response, 404, "no_such_sandbox", "There is nothing of this name");
    }
    if (method === "DELETE") {
      this.#boxes.delete(box.name);
      box.running = false;
      const { sandbox } = this.#whole(box, false);
      await this.#machines.remove(box.machine.id);
      return json(response, 200, { sandbox });
    }
    const resumed = !box.running && searchParams.get("resume") === "true";
    if (resumed) {
      box.running = true;
      box.session += 1;
    }
    json(response, 200, this.#whole(box, resumed));
  }

  async #inSession(request: IncomingMessage, response: ServerResponse, id: string, what: string) {
    const box = [...this.#boxes.values()].find((one) => sessionId(one) === id);
    if (!box?.running) return fail(response, 410, "sandbox_stopped", "The session has ended");
    if (what === "stop") {
      await this.expire(box.name);
      const { session, sandbox } = this.#whole(box, false);
      return json(response, 200, { session, sandbox });
    }
    const wanted: CommandRequest = JSON.parse(await text(request));
    if (what !== "cmd" || wanted.wait !== true) return fail(response, 400, "unknown_route", what);
    const command: CommandAnswer = {
      ...{ id: `cmd_${++this.#made}`, name: wanted.command, args: wanted.args, cwd, sessionId: id },
      ...{ exitCode: null, startedAt: Date.now() },
    };
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    const tell = (line: object) => response.write(`${JSON.stringify(line)}\n`);
    tell({ command });
    const env = Object.entries(wanted.env).map(([name, value]) => `${name}=${value}`);
    const words = ["env", ...env, wanted.command, ...wanted.args].map(quoted);
    const { exitCode, stdout, stderr } = await box.machine.run(words.join(" "));
    if (stdout !== "") tell({ stream: "stdout", data: stdout });
    if (stderr !== "") tell({ stream: "stderr", data: stderr });
    tell({ command: { ...command, exitCode } });
    response.end();
  }

  async #create({ ports, timeout }: CreateRequest): Promise<Box> {
    const machine = await this.#machines.make();
    const name = `sbx-${machine.id}`;
    const box = { name, machine, ports, timeoutMs: timeout ?? vendorTimeoutMs, session: 1, running: true };
    this.#boxes.set(name, box);
    return box;
  }

  #whole(box: Box, resumed: boolean): WholeAnswer {
    const now = Date.now();
    const status = box.running ? "running" : "stopped";
    const times = { createdAt: now, updatedAt: now };
    const both = { region: "iad1", timeout: box.timeoutMs, status, cwd, ...times } as const;
    const resources = { memory: 2_048, vcpus: 1, requestedAt: now, startedAt: now };
    return {
      sandbox: { name: box.name, persistent: true, currentSessionId: sessionId(box), ...both },
      session: { id: sessionId(box), ...resources, ...both },
      routes: box.ports.map((port) => {
        const subdomain = `${box.name}-${port}`.toLowerCase();
        return { url: `https://${subdomain}.vercel.run`, subdomain, port };
      }),
      resumed,
    };
  }

  #box(name: string): Box {
    const box = this.#boxes.get(name);
    if (box === undefined) throw new Error(`no sandbox ${name}`);
    return box;
  }
}

function sessionId({ name, session }: Box): string {
  return `sess_${name}_${session}`;
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function fail(response: ServerResponse, status: number, code: string, message: string): void {
  json(response, status, { error: { code, message } });
}
