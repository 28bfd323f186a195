/**
 * MCP servers of clients: an agent calls tools that run in the program of the client, over the ACP stream of its
 * instance. May use the instances of ../acp, and one Unix socket that the agents' programs connect to.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, messageOf } from "@holdfast/core";
import { LineSplitter } from "../acp/lines.ts";
import type { Message } from "../acp/message.ts";
import type { SessionOpener, SessionStart } from "../acp/session-start.ts";
import { invalid, isRecord } from "../http/problem.ts";
import type { SandboxLimits } from "../limits.ts";
import { joinProgram } from "./join-program.ts";

const prefix = "_mcp/";
const keyBytes = 24;
/** A key is 32 characters and a line break. */
const maxKeyLine = 64;

/** What an agent was offered: a name of the client, for the agents of one instance. */
interface Offer {
  readonly opener: SessionOpener;
  readonly id: string;
}

interface Channel {
  readonly id: string;
  readonly opener: SessionOpener;
  readonly socket: Socket;
}

interface Listener {
  readonly server: Server;
  readonly directory: string;
  readonly socketPath: string;
  readonly program: string;
}

/**
 * Replaces entries `{ type: "acp", name, id }` in the `mcpServers` of a session by a program that joins the agent to
 * this server, and passes the messages on: notices `_mcp/open`, `_mcp/message` and `_mcp/close` in the stream, and
 * notifications `_mcp/message` and `_mcp/close` of the client.
 */
export class ClientMcp {
  readonly #limits: SandboxLimits;
  readonly #log: Logger;
  readonly #offers = new Map<string, Offer>();
  readonly #channels = new Map<string, Channel>();
  #listener: Promise<Listener> | undefined;
  #closed = false;

  constructor(limits: SandboxLimits, log: Logger) {
    this.#limits = limits;
    this.#log = log;
  }

  /** What the instances tell this part. */
  get hooks() {
    return {
      onNotification: (instance: SessionOpener, message: Message) => this.#receive(instance, message),
      onRemove: (serverId: string) => this.#forget(serverId),
    };
  }

  /** Returns the MCP servers that the agent gets; the list itself if it has none of a client. */
  async serversFor(start: SessionStart): Promise<readonly unknown[]> {
    if (!start.mcpServers.some(isOfClient)) return start.mcpServers;
    return await Promise.all(
      start.mcpServers.map((server) => (isOfClient(server) ? this.#offer(start, server) : server)),
    );
  }

  /** Handles a notification of a client. Returns false if it is none of this part. */
  #receive(instance: SessionOpener, message: Message): boolean {
    if (message.kind !== "notification" || message.method?.startsWith(prefix) !== true) return false;
    const { params }: { params?: unknown } = JSON.parse(message.raw);
    const channel = isRecord(params) ? this.#channels.get(String(params.channel)) : undefined;
    // A channel that has ended meanwhile, or is another instance's.
    if (channel?.opener !== instance || !isRecord(params)) return true;
    if (message.method === `${prefix}close`) channel.socket.destroy();
    else if (message.method === `${prefix}message` && isRecord(params.message)) {
      this.#write(channel, params.message);
    }
    return true;
  }

  /** Ends the channels and the offers of an instance. */
  #forget(serverId: string): void {
    for (const [key, offer] of this.#offers) if (offer.opener.serverId === serverId) this.#offers.delete(key);
    for (const { opener, socket } of this.#channels.values()) {
      if (opener.serverId === serverId) socket.destroy();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#offers.clear();
    for (const { socket } of this.#channels.values()) socket.destroy();
    const listener = await this.#listener?.catch(() => undefined);
    if (listener === undefined) return;
    await new Promise((resolve) => listener.server.close(resolve));
    await rm(listener.directory, { recursive: true, force: true });
  }

  async #offer(start: SessionStart, server: Readonly<Record<string, unknown>>): Promise<unknown> {
    const { name, id } = server;
    if (typeof name !== "string" || name === "" || typeof id !== "string" || id === "")
      throw invalid('an MCP server of type "acp" needs a name and an id');
    this.#listener ??= this.#listen();
    const { socketPath, program } = await this.#listener;
    const key = randomBytes(keyBytes).toString("base64url");
    this.#offers.set(key, { opener: start.opener, id });
    return {
      name,
      command: process.execPath,
      args: [program],
      env: [
        { name: "HOLDFAST_MCP_SOCKET", value: socketPath },
        { name: "HOLDFAST_MCP_KEY", value: key },
      ],
    };
  }

  async #listen(): Promise<Listener> {
    // Only this user may enter: who connects also needs a key.
    const directory = await mkdtemp(join(tmpdir(), "hfm-"));
    const socketPath = join(directory, "m.sock");
    const program = join(directory, "join.cjs");
    await writeFile(program, joinProgram, { mode: 0o600 });
    const server = createServer((socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socketPath, resolve);
    });
    await chmod(socketPath, 0o600);
    return { server, directory, socketPath, program };
  }

  /** The first line is the key of an offer; each further one is a message of the agent. */
  #accept(socket: Socket): void {
    let channel: Channel | undefined;
    socket.on("error", () => {});
    if (this.#closed || this.#channels.size >= this.#limits.maxClientMcpChannels) {
      this.#log.warn("connection to the tools of a client refused", { channels: this.#channels.size });
      socket.destroy();
      return;
    }
    const onLine = (line: string) => {
      if (socket.destroyed) return;
      if (channel !== undefined) this.#pass(channel, line);
      else channel = this.#open(socket, line);
      if (channel === undefined) socket.destroy();
    };
    const lines = new LineSplitter(this.#limits.maxLineBytes, onLine, () => socket.destroy());
    let isFirst = true;
    socket.on("data", (chunk: Buffer) => {
      if (isFirst && !chunk.subarray(0, maxKeyLine).includes(10)) socket.destroy();
      isFirst = false;
      lines.push(chunk);
    });
    socket.once("close", () => {
      if (channel === undefined) return;
      this.#channels.delete(channel.id);
      this.#notify(channel, "close", {});
    });
  }

  #open(socket: Socket, key: string): Channel | undefined {
    const offer = this.#offers.get(key);
    if (offer === undefined) return undefined;
    const channel: Channel = { id: randomUUID(), opener: offer.opener, socket };
    this.#channels.set(channel.id, channel);
    this.#notify(channel, "open", { server: offer.id });
    return channel;
  }

  #pass(channel: Channel, line: string): void {
    try {
      const message: unknown = JSON.parse(line);
      if (isRecord(message)) this.#notify(channel, "message", { message });
    } catch (error) {
      this.#log.warn("invalid message to the tools of a client", { cause: messageOf(error) });
    }
  }

  #notify({ id, opener }: Channel, name: string, params: Readonly<Record<string, unknown>>): void {
    opener.release(
      JSON.stringify({ jsonrpc: "2.0", method: `${prefix}${name}`, params: { channel: id, ...params } }),
    );
  }

  #write({ socket }: Channel, message: Readonly<Record<string, unknown>>): void {
    socket.write(`${JSON.stringify(message)}\n`);
    // An agent that does not read loses its tools, not the server its memory.
    if (socket.writableLength > this.#limits.maxAgentInputBytes) socket.destroy();
  }
}

function isOfClient(server: unknown): server is Readonly<Record<string, unknown>> {
  return isRecord(server) && server.type === "acp";
}
