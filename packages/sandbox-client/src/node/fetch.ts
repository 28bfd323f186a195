import { Agent, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** An agent whose requests all go to the HTTP server on a Unix socket, over at most 128 connections. */
export function unixAgent(socketPath: string): Agent {
  return new UnixAgent(socketPath);
}

class UnixAgent extends Agent {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    super({ keepAlive: true, maxSockets: 128 });
    this.#socketPath = socketPath;
  }

  override createConnection(): Socket {
    return connect(this.#socketPath);
  }
}

/**
 * A `fetch` over `agent`, for Unix sockets and dialled connections, which the global fetch cannot use. Bodies stream
 * both ways, aborting works at any time, redirects are not followed, and there is no timeout: an agent's turn can take
 * hours.
 */
export function fetchOver(agent: Agent): typeof globalThis.fetch {
  return async (input, init) => {
    const description = new Request(input, init);
    const { signal } = description;
    signal.throwIfAborted();
    const url = new URL(description.url);
    const headers = Object.fromEntries(description.headers);
    const outgoing = request({
      agent,
      method: description.method,
      path: url.pathname + url.search,
      headers: { ...headers, host: url.host, ...bodyLength(init?.body) },
    });
    const abort = () =>
      outgoing.destroy(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal.addEventListener("abort", abort, { once: true });
    try {
      const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
        outgoing.once("response", resolve);
        outgoing.on("error", reject);
        if (description.body === null) outgoing.end();
        else {
          const source = Readable.fromWeb(description.body as Parameters<typeof Readable.fromWeb>[0]);
          // An answer that comes before the body is complete wins over the failure to send the rest.
          pipeline(source, outgoing).catch(reject);
        }
      });
      incoming.once("close", () => signal.removeEventListener("abort", abort));
      return toResponse(incoming);
    } catch (error) {
      signal.removeEventListener("abort", abort);
      if (signal.aborted) throw signal.reason;
      throw new TypeError("fetch failed", { cause: error });
    }
  };
}

/** The length of a body that is at hand; a stream is sent in chunks. */
function bodyLength(body: unknown): Record<string, string> {
  if (typeof body === "string") return { "content-length": String(Buffer.byteLength(body)) };
  if (body instanceof Uint8Array) return { "content-length": String(body.byteLength) };
  return {};
}

function toResponse(incoming: IncomingMessage): Response {
  const headers = new Headers();
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? "");
  }
  const status = incoming.statusCode ?? 502;
  const empty = status === 204 || status === 205 || status === 304;
  if (empty) incoming.resume();
  const body = empty ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>);
  return new Response(body, { status, statusText: incoming.statusMessage ?? "", headers });
}
