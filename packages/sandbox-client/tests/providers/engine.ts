/**
 * An emulator of the Engine API (v1.41: create, start, inspect, stop, remove) on a Unix socket, for
 * machines without Docker and Podman. Its containers are directories with real servers in them.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { Machine } from "./machine.ts";

interface Container {
  readonly machine: Machine;
  readonly body: ContainerBody;
  running: boolean;
}

interface ContainerBody {
  readonly Image: string;
  readonly Entrypoint: string[];
  readonly Cmd: string[];
  readonly Env: string[];
  readonly Labels: Record<string, string>;
  readonly ExposedPorts: Record<string, object>;
  readonly HostConfig: {
    readonly Binds: string[];
    readonly PortBindings: Record<string, { HostIp: string; HostPort: string }[]>;
  };
}

export class EngineEmulator {
  readonly pulled: string[] = [];
  readonly created: ContainerBody[] = [];
  readonly #containers = new Map<string, Container>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request).then(
        ({ status, value }) => {
          response.writeHead(status, { "content-type": "application/json" });
          response.end(value === undefined ? "" : JSON.stringify(value));
        },
        (error: Error) => {
          response.writeHead(500, { "content-type": "application/json" });
          response.end(JSON.stringify({ message: error.message }));
        },
      );
    });
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve) => this.#server.listen(path, resolve));
  }

  async close(): Promise<void> {
    for (const { machine } of this.#containers.values()) await machine.remove();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; value?: unknown }> {
    const url = new URL(request.url ?? "", "http://engine");
    const [, version, kind, id = "", verb = ""] = url.pathname.split("/");
    if (version !== "v1.41") return { status: 400, value: { message: "wrong version" } };
    if (kind === "images") {
      this.pulled.push(url.searchParams.get("fromImage") ?? "");
      return { status: 200, value: { status: "Download complete" } };
    }
    if (id === "create") return await this.#create(JSON.parse(await textOf(request)));
    const container = this.#containers.get(id);
    if (container === undefined) return { status: 404, value: { message: `No such container: ${id}` } };
    switch (`${request.method} ${verb}`) {
      case "GET json":
        return { status: 200, value: this.#describe(container) };
      case "POST start":
        if (container.running) return { status: 304 };
        await this.#start(container);
        return { status: 204 };
      case "POST stop":
        container.running = false;
        await container.machine.stop();
        return { status: 204 };
      case "DELETE ":
        this.#containers.delete(id);
        await container.machine.remove();
        return { status: 204 };
      default:
        return { status: 404, value: { message: "page not found" } };
    }
  }

  async #create(body: ContainerBody): Promise<{ status: number; value: unknown }> {
    if (!this.pulled.includes(body.Image))
      return { status: 404, value: { message: `No such image: ${body.Image}` } };
    const machine = await Machine.make();
    this.created.push(body);
    this.#containers.set(machine.id, { machine, body, running: false });
    return { status: 201, value: { Id: machine.id, Warnings: [] } };
  }

  async #start(container: Container): Promise<void> {
    container.running = true;
    const { Entrypoint, Cmd, Env } = container.body;
    const variables = Env.map((line) => `export ${line}`).join("; ");
    const command = [...Entrypoint, ...Cmd].join(" ");
    await container.machine.run(`${variables}; nohup ${command} > log 2>&1 < /dev/null &`);
  }

  #describe({ machine, body, running }: Container): unknown {
    const [port = ""] = Object.keys(body.HostConfig.PortBindings);
    const bindings = [{ HostIp: "127.0.0.1", HostPort: String(machine.port) }];
    return {
      Id: machine.id,
      State: { Running: running, Status: running ? "running" : "exited" },
      Config: { Labels: body.Labels, Env: body.Env, Image: body.Image },
      NetworkSettings: { Ports: running ? { [port]: bindings } : {} },
    };
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await Array.fromAsync(request)).toString("utf8");
}
