import { isRecord } from "../../internal/http.ts";
import type { AcpConnection, RpcMessage } from "../../types.ts";

/** One connection of an agent to an MCP server of this client. It fits `Server.connect` of the MCP SDK. */
export interface ClientMcpTransport {
  start(): Promise<void>;
  send(message: object): Promise<void>;
  close(): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: the MCP SDK types the messages of its transports by its own union.
  onmessage?: (message: any) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
}

/** Serves one connection of an agent. */
export type ClientMcpServer = (transport: ClientMcpTransport) => void | Promise<void>;

/** MCP servers that run in this process, by the `id` of an entry `{ type: "acp", name, id }` of a session. */
export type ClientMcpServers = Readonly<Record<string, ClientMcpServer>>;

const prefix = "_mcp/";

/** The connections of one agent process to the MCP servers of this client, over the ACP stream. */
export class ClientMcpChannels {
  readonly #servers: ClientMcpServers;
  readonly #acp: Pick<AcpConnection, "notify">;
  readonly #open = new Map<string, Channel>();

  constructor(servers: ClientMcpServers, acp: Pick<AcpConnection, "notify">) {
    this.#servers = servers;
    this.#acp = acp;
  }

  /** Handles a message of the server. Returns false if it is none of this part. */
  receive({ method, params }: RpcMessage): boolean {
    if (method?.startsWith(prefix) !== true) return false;
    if (!isRecord(params) || typeof params.channel !== "string") return true;
    const id = params.channel;
    if (method === `${prefix}open`) this.#begin(id, String(params.server));
    else if (method === `${prefix}close`) this.#end(id);
    else if (isRecord(params.message)) this.#open.get(id)?.deliver(params.message);
    return true;
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.#end(id);
  }

  #begin(id: string, name: string): void {
    const serve = Object.hasOwn(this.#servers, name) ? this.#servers[name] : undefined;
    const notify = (kind: string, params: object) =>
      this.#acp.notify(`${prefix}${kind}`, { channel: id, ...params });
    if (serve === undefined) {
      // A refusal that does not arrive leaves the agent without tools, as the refusal would.
      notify("close", {}).catch(() => {});
      return;
    }
    const channel = new Channel(
      async (message) => await notify("message", { message }),
      async () => {
        this.#open.delete(id);
        await notify("close", {});
      },
    );
    this.#open.set(id, channel);
    Promise.resolve(serve(channel)).catch((error: unknown) => {
      channel.fail(error instanceof Error ? error : new Error(String(error)));
      this.#end(id);
    });
  }

  #end(id: string): void {
    const channel = this.#open.get(id);
    this.#open.delete(id);
    channel?.onclose?.();
  }
}

class Channel implements ClientMcpTransport {
  // biome-ignore lint/suspicious/noExplicitAny: see the interface.
  onmessage?: (message: any) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #send: (message: object) => Promise<void>;
  readonly #close: () => Promise<void>;
  /** Messages that came before the server listened. */
  #early: object[] | undefined = [];

  constructor(send: (message: object) => Promise<void>, close: () => Promise<void>) {
    this.#send = send;
    this.#close = close;
  }

  async start(): Promise<void> {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const message of early) this.onmessage?.(message);
  }

  async send(message: object): Promise<void> {
    await this.#send(message);
  }

  async close(): Promise<void> {
    await this.#close();
    this.onclose?.();
  }

  deliver(message: object): void {
    if (this.#early) this.#early.push(message);
    else this.onmessage?.(message);
  }

  fail(error: Error): void {
    this.onerror?.(error);
  }
}
