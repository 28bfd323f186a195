/**
 * An emulator of what Daytona's SDK speaks: its REST API and the toolbox of each sandbox. There is no gateway of
 * events, so that the SDK asks for states, as it does where that cannot be reached. A sandbox is a directory in
 * which commands really run.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Machine, Machines } from "../providers/machine.ts";
import { jsonOf, type LocalService, serveLocally } from "./json-service.ts";

export const daytonaKey = "dtn_key of the account";

/** A sandbox, as much of it as has to be told. */
export interface DaytonaSandboxAnswer {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly user: string;
  readonly env: Record<string, string>;
  readonly labels: Record<string, string>;
  readonly public: boolean;
  readonly networkBlockAll: boolean;
  readonly target: string;
  readonly cpu: number;
  readonly gpu: number;
  readonly memory: number;
  readonly disk: number;
  readonly state: "started" | "stopped";
  readonly autoStopInterval: number;
  readonly toolboxProxyUrl: string;
}

export interface DaytonaPreviewAnswer {
  readonly sandboxId: string;
  readonly port: number;
  readonly token: string;
  readonly url: string;
}

export interface DaytonaCommandAnswer {
  readonly exitCode: number;
  readonly result: string;
}

export interface DaytonaCreateRequest {
  readonly autoStopInterval?: number;
  readonly buildInfo?: { readonly dockerfileContent: string };
}

export interface DaytonaCommandRequest {
  readonly command: string;
  /** In seconds. */
  readonly timeout?: number;
}

interface Sandbox {
  readonly machine: Machine;
  readonly autoStopInterval: number;
  state: "started" | "stopped";
}

export class DaytonaService {
  readonly created: DaytonaCreateRequest[] = [];
  readonly commands: DaytonaCommandRequest[] = [];
  readonly #machines = new Machines();
  readonly #sandboxes = new Map<string, Sandbox>();
  #service: LocalService | undefined;

  /** Starts it, and gives the address of its API. */
  async start(): Promise<string> {
    this.#service = await serveLocally((request, response) => {
      this.#answer(request, response).catch((error: unknown) => fail(response, 500, String(error)));
    });
    return `${this.#service.url}/api`;
  }

  async close(): Promise<void> {
    await this.#service?.close();
    await this.#machines.clear();
  }

  get count(): number {
    return this.#sandboxes.size;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.authorization !== `Bearer ${daytonaKey}`) {
      return fail(response, 401, "Unauthorized");
    }
    const { pathname } = new URL(request.url ?? "", "http://service");
    if (pathname === "/api/sandbox" && request.method === "POST") {
      return send(response, await this.#create((await jsonOf(request)) as DaytonaCreateRequest));
    }
    const [, base, id = "", ...verb] = /^\/(api\/sandbox|toolbox)\/([^/]+)(?:\/(.+))?$/.exec(pathname) ?? [];
    const sandbox = this.#sandboxes.get(id);
    if (base === undefined || sandbox === undefined) {
      return fail(response, 404, `Sandbox with ID or name ${id} not found`);
    }
    const told = () => send(response, this.#described(id, sandbox));
    switch (`${request.method} ${base === "toolbox" ? "toolbox " : ""}${verb.join("")}`) {
      case "GET ":
        return told();
      case "POST start":
        if (sandbox.state === "started") return fail(response, 400, "Sandbox is not in valid state");
        sandbox.state = "started";
        return told();
      case "POST stop":
        await sandbox.machine.stop();
        sandbox.state = "stopped";
        return told();
      case "DELETE ":
        this.#sandboxes.delete(id);
        await this.#machines.remove(id);
        return send(response, this.#described(id, sandbox));
      case "GET ports/3000/signed-preview-url": {
        const { url } = sandbox.machine;
        const preview: DaytonaPreviewAnswer = { sandboxId: id, port: 3_000, token: "signed", url };
        return send(response, preview);
      }
      case "POST toolbox process/execute":
        if (sandbox.state !== "started") return fail(response, 400, "Sandbox is not running");
        return send(response, await this.#execute(sandbox, (await jsonOf(request)) as DaytonaCommandRequest));
      default:
        return fail(response, 404, `Cannot ${request.method} ${pathname}`);
    }
  }

  async #create(request: DaytonaCreateRequest): Promise<DaytonaSandboxAnswer> {
    this.created.push(request);
    const machine = await this.#machines.make();
    const sandbox: Sandbox = { machine, autoStopInterval: request.autoStopInterval ?? 15, state: "started" };
    this.#sandboxes.set(machine.id, sandbox);
    return this.#described(machine.id, sandbox);
  }

  async #execute({ machine }: Sandbox, request: DaytonaCommandRequest): Promise<DaytonaCommandAnswer> {
    this.commands.push(request);
    // Both of its outputs are one.
    const { exitCode, stdout, stderr } = await machine.run(request.command);
    return { exitCode, result: stdout + stderr };
  }

  #described(id: string, { state, autoStopInterval }: Sandbox): DaytonaSandboxAnswer {
    return {
      ...{ id, name: id, organizationId: "organization", user: "daytona", env: {}, labels: {} },
      ...{ public: false, networkBlockAll: false, target: "local", cpu: 1, gpu: 0, memory: 1, disk: 3 },
      ...{ state, autoStopInterval, toolboxProxyUrl: `${this.#service?.url}/toolbox` },
    };
  }
}

function send(response: ServerResponse, value: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function fail(response: ServerResponse, statusCode: number, message: string): void {
  const body = JSON.stringify({ statusCode, message, error: message, path: "", timestamp: "" });
  response.writeHead(statusCode, { "content-type": "application/json" }).end(body);
}
