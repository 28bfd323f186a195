import type { IncomingMessage, Server } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import { buffer } from "node:stream/consumers";
import { HoldfastError } from "@holdfast/core";
import { isRecord } from "../../http/problem.ts";
import { request as httpRequest } from "../../internal/node-http.ts";
import type { Arguments, ToolClient, ToolRequest, TypedBytes } from "./desktop-tools.ts";
import { callDesktopTool, describedTools, type ToolAnswer, type ToolDescription } from "./tool-calls.ts";

/** The tools of `holdfast sandbox mcp`, for a program that offers them to its agent by itself. */
export interface DesktopTools {
  readonly tools: readonly ToolDescription[];
  call(name: string, given: Arguments): Promise<ToolAnswer>;
}

/** The tools on a server of this process, over connections inside of it. */
export function localTools(server: Server, token: string | undefined): DesktopTools {
  const client = new LocalClient(server, token);
  return { tools: describedTools, call: (name, given) => callDesktopTool(client, name, given) };
}

class LocalClient implements ToolClient {
  readonly #server: Server;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(server: Server, token: string | undefined) {
    this.#server = server;
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  async requestJson(method: string, path: string, request: ToolRequest = {}): Promise<unknown> {
    const { bytes } = await this.#send(method, path, request);
    return bytes.length === 0 ? undefined : JSON.parse(bytes.toString("utf8"));
  }

  async requestBytes(path: string, request: ToolRequest): Promise<TypedBytes> {
    return await this.#send("GET", path, request);
  }

  async #send(method: string, path: string, { query = {}, body }: ToolRequest): Promise<TypedBytes> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const response = await this.#exchange(method, search.size === 0 ? path : `${path}?${search}`, content);
    const bytes = await buffer(response);
    const { statusCode = 0, headers } = response;
    if (statusCode >= 200 && statusCode < 300) return { type: headers["content-type"] ?? "", bytes };
    const problem: unknown = JSON.parse(bytes.toString("utf8"));
    const { code, detail } = isRecord(problem) ? problem : {};
    throw new HoldfastError("sandbox", String(code), String(detail), { statusCode });
  }

  /** One request on a connection of its own, of which this process has both ends. */
  async #exchange(method: string, path: string, content: Buffer | undefined): Promise<IncomingMessage> {
    const [near, far] = duplexPair();
    this.#server.emit("connection", far);
    return await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest({
        ...{ method, path, host: "localhost" },
        // With an agent, that one would connect.
        createConnection: (): Duplex => near,
        headers: {
          ...this.#headers,
          connection: "close",
          ...(content && { "content-type": "application/json", "content-length": content.length }),
        },
      });
      request.once("response", resolve);
      request.once("error", reject);
      request.end(content);
    });
  }
}
