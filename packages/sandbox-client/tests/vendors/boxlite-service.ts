/**
 * An emulator of the server that BoxLite's SDK speaks to (its Box API, version 1: boxes, commands over a WebSocket,
 * tunnels). A box is a directory in which commands really run.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { type Machine, Machines } from "../providers/machine.ts";
import { forwardTo, jsonOf, type LocalService, serveLocally } from "./json-service.ts";

export const boxliteKey = "blk_key of the account";

interface Box {
  readonly machine: Machine;
  /** What the world sees of it: the SDK looks whether it answers before it tells of it. */
  readonly proxy: LocalService;
  readonly tunnels: Set<Duplex>;
  running: boolean;
}

interface Command {
  readonly box: Box;
  readonly command: string;
  readonly args: readonly string[];
}

/** A byte before what a command says. */
const channels = { stdout: 1, stderr: 2 } as const;

export class BoxliteService {
  readonly created: Record<string, unknown>[] = [];
  readonly #machines = new Machines();
  readonly #boxes = new Map<string, Box>();
  readonly #commands = new Map<string, Command>();
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        fail(response, 500, "InternalError", "internal", String(error));
      });
    });
    this.#server.on("upgrade", (request, socket: Duplex, head) => {
      const [, id = ""] = /\/executions\/([^/]+)\/attach$/.exec(request.url ?? "") ?? [];
      const command = this.#commands.get(id);
      if (command === undefined) return socket.destroy();
      this.#sockets.handleUpgrade(request, socket, head, (client) => void attach(client, command));
    });
  }

  /** Starts it, and gives its address. */
  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    for (const box of this.#boxes.values()) await hide(box);
    await this.#machines.clear();
  }

  get count(): number {
    return this.#boxes.size;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.authorization !== `Bearer ${boxliteKey}`) {
      return fail(response, 401, "AuthError", "unauthenticated", "invalid or missing API key");
    }
    const { pathname } = new URL(request.url ?? "", "http://service");
    if (request.method === "POST" && pathname === "/v1/boxes") {
      const body = (await jsonOf(request)) as Record<string, unknown>;
      this.created.push(body);
      return send(response, 201, await this.#create());
    }
    const [, id = "", verb = ""] = /^\/v1\/boxes\/([^/]+)(?:\/(.+))?$/.exec(pathname) ?? [];
    const box = this.#boxes.get(id);
    if (box === undefined) return fail(response, 404, "NotFoundError", "not_found", `box not found: ${id}`);
    switch (`${request.method} ${verb}`) {
      case "GET ":
        return send(response, 200, described(id, box));
      case "POST start":
        box.running = true;
        return send(response, 200, described(id, box));
      case "POST stop":
        await box.machine.stop();
        box.running = false;
        return send(response, 200, described(id, box));
      case "DELETE ":
        this.#boxes.delete(id);
        await hide(box);
        await this.#machines.remove(id);
        response.writeHead(204).end();
        return;
      case "POST exec": {
        const { command, args = [] } = (await jsonOf(request)) as { command: string; args?: string[] };
        const execution = `exec-${this.#commands.size + 1}`;
        this.#commands.set(execution, { box, command, args });
        return send(response, 201, { execution_id: execution });
      }
      case "POST network/tunnel":
        return send(response, 200, { uri: box.proxy.url });
      default:
        return fail(response, 404, "NotFoundError", "not_found", `no route: ${pathname}`);
    }
  }

  async #create(): Promise<object> {
    const machine = await this.#machines.make();
    const tunnels = new Set<Duplex>();
    const proxy = await serveLocally(forwardTo(machine.url));
    // The SDK opens a tunnel through it, and then tells of its address.
    proxy.server.on("connect", (_request, socket) => {
      socket.on("error", () => {}).write("HTTP/1.1 200 Connection Established\r\n\r\n");
      tunnels.add(socket);
    });
    const box = { machine, proxy, tunnels, running: true };
    this.#boxes.set(machine.id, box);
    return described(machine.id, box);
  }
}

/** A tunnel is no request any more, and keeps its server open. */
async function hide({ proxy, tunnels }: Box): Promise<void> {
  for (const tunnel of tunnels) tunnel.destroy();
  await proxy.close();
}

async function attach(client: WebSocket, { box, command, args }: Command): Promise<void> {
  const script = args.at(-1) ?? "";
  const known = command === "sh" && args[0] === "-c";
  const done = known ? await box.machine.run(script) : { exitCode: 127, stdout: "", stderr: command };
  for (const [name, channel] of Object.entries(channels)) {
    const text = name === "stdout" ? done.stdout : done.stderr;
    if (text !== "") client.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
  }
  client.send(JSON.stringify({ type: "exit", exit_code: done.exitCode }));
  client.close(1_000);
}

function described(id: string, { running }: Box): object {
  const time = "2026-01-01T00:00:00Z";
  return {
    ...{ box_id: id, status: running ? "running" : "stopped", created_at: time, updated_at: time },
    ...{ image: "node:24-slim", cpus: 1, memory_mib: 512, auto_stop: 0 },
  };
}

function send(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function fail(response: ServerResponse, status: number, type: string, code: string, message: string): void {
  send(response, status, { error: { message, type, code } });
}
