import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { findStaticFile, sendStaticFile } from "@holdfast/core/static-files";
import type { DevStatus } from "@holdfast/inspector-ui";
import { isLoopback } from "./front.ts";

/** No external resources, no inline code, no framing. */
const pageHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
} as const;

const assetTypes: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const prefix = "/inspector";

/** The inspector at `/inspector`: its app, and the status of the program with its changes. For this machine only. */
export class InspectorPages {
  readonly #directory: string;
  readonly #streams = new Set<ServerResponse>();
  #status: DevStatus;

  constructor(directory: string, status: DevStatus) {
    this.#directory = directory;
    this.#status = status;
  }

  get status(): DevStatus {
    return this.#status;
  }

  /** False in a checkout that was not built. */
  get isBuilt(): boolean {
    return existsSync(join(this.#directory, "index.html"));
  }

  update(change: Partial<DevStatus>): void {
    this.#status = { ...this.#status, ...change };
    for (const stream of this.#streams) stream.write(eventOf(this.#status));
  }

  /** Returns false for what is not of the inspector. */
  readonly serve = async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const [path = "/"] = (request.url ?? "/").split("?", 1);
    if (path !== prefix && !path.startsWith(`${prefix}/`)) return false;
    if (!isOfThisMachine(request) || (request.method !== "GET" && request.method !== "HEAD")) return false;
    const name = path.slice(prefix.length + 1);
    if (name === "events") this.#stream(response);
    else if (name === "status") this.#send(response);
    else await this.#file(request, response, name);
    return true;
  };

  #send(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(this.#status));
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(eventOf(this.#status));
    this.#streams.add(response);
    response.on("close", () => this.#streams.delete(response));
  }

  /** The app routes in the browser, so every path that is no file returns its page. */
  async #file(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    if (/^assets\/[\w.-]+$/.test(name)) return this.#asset(response, name);
    const asked = /^[\w-]+\.(?:js|svg)$/.test(name) ? name : "index.html";
    const file = await findStaticFile(this.#directory, asked);
    if (file === undefined) return notFound(response);
    await sendStaticFile(request, response, file, { ...pageHeaders, "cache-control": "no-cache" });
  }

  /** Assets are kept compressed, which every browser takes. Their names contain a hash of their content. */
  async #asset(response: ServerResponse, name: string): Promise<void> {
    const file = await findStaticFile(this.#directory, `${name}.gz`);
    const type = assetTypes[extname(name)];
    if (file === undefined || type === undefined) return notFound(response);
    response.writeHead(200, {
      ...{ ...pageHeaders, "content-type": type, "content-encoding": "gzip", "content-length": file.size },
      ...{ "cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff" },
    });
    response.end(await readFile(file.path));
  }
}

function notFound(response: ServerResponse): void {
  response.writeHead(404, { "content-type": "text/plain; charset=utf-8" });
  response.end("There is no such file of the inspector.\n");
}

function eventOf(status: DevStatus): string {
  return `data: ${JSON.stringify(status)}\n\n`;
}

/** Not for other machines, and not for pages that have bound a name of their own to this one. */
function isOfThisMachine({ socket, headers }: IncomingMessage): boolean {
  const [name = ""] = (headers.host ?? "").toLowerCase().split(/:\d+$/);
  const isLocalName = name === "localhost" || name === "[::1]" || isLoopback(name);
  return isLocalName && isLoopback(socket.remoteAddress ?? "");
}
