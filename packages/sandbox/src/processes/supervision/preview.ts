import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { createServer } from "../../internal/node-http.ts";
import { Tickets } from "../output/tickets.ts";
import { reachableAddress } from "./ports.ts";
import {
  forwardRequest,
  forwardUpgrade,
  type PreviewedPort,
  parseCookies,
  previewCookie,
  refusePreview,
} from "./preview-proxy.ts";

const maxTicketBytes = 256;
const exchangePath = "/.holdfast/ticket";

/** Page that exchanges the ticket in the URL's fragment, which reaches no server or log, for a cookie. */
const ticketExchangePage = `<!doctype html><meta charset="utf-8"><title>Preview</title><p id="text">Opening the preview</p><script>
const ticket = location.hash.slice(1);
history.replaceState(null, "", location.pathname + location.search);
fetch("${exchangePath}", { method: "POST", body: ticket }).then((answer) => {
  if (answer.ok) location.reload();
  else document.getElementById("text").textContent = "This link has expired. Ask for a new one.";
});
</script>`;

/** Link to a previewed port. */
export interface Preview {
  readonly port: number;
  /** Single-use URL for a browser, with the ticket in its fragment. */
  readonly url: string;
  /** Ticket for other clients, which POST it to `/.holdfast/ticket` of the origin to get the cookie. */
  readonly ticket: string;
  readonly expiresAtMs: number;
}

interface Origin {
  readonly port: number;
  /** Address of the current listener. A later program may use another one. */
  address: string;
  /** Value of the access cookie. */
  readonly secret: string;
  readonly tickets: Tickets;
}

/**
 * Reverse proxy from browsers to listening ports. Each port has its own origin (a name below `localhost`), so that a
 * previewed program shares no cookies or storage with the server or other previews.
 */
export class Previews {
  readonly #origins = new Map<string, Origin>();
  readonly #sockets = new Set<Duplex>();
  #server: Promise<Server> | undefined;
  #closed = false;

  /** Creates a link to the port. The caller must have checked that it may be previewed. */
  async open(port: number, address: string): Promise<Preview> {
    this.#server ??= this.#listen().catch((error: unknown) => {
      // Let the next call try again: causes such as too many open files are temporary.
      this.#server = undefined;
      throw error;
    });
    const bound = (await this.#server).address();
    if (bound === null || typeof bound === "string" || this.#closed) throw new Error("the preview is closed");
    const [name, origin] = this.#origin(port, address);
    const { text: ticket, expiresAtMs } = origin.tickets.issue();
    return { port, url: `http://${name}:${bound.port}/#${ticket}`, ticket, expiresAtMs };
  }

  async close(): Promise<void> {
    this.#closed = true;
    // The caller has already received the listen error.
    const server = await this.#server?.catch(() => undefined);
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #origin(port: number, address: string): readonly [string, Origin] {
    const target = reachableAddress(address);
    for (const entry of this.#origins) {
      if (entry[1].port !== port) continue;
      entry[1].address = target;
      return entry;
    }
    const name = `p${port}-${randomBytes(6).toString("hex")}.localhost`;
    const origin = { port, address: target, secret: secret(), tickets: new Tickets() };
    this.#origins.set(name, origin);
    return [name, origin];
  }

  async #listen(): Promise<Server> {
    const server = createServer((incoming, response) => {
      // The client disconnected during the ticket exchange.
      this.#handle(incoming, response).catch(() => response.destroy());
    });
    server.on("upgrade", (incoming, socket, head) => this.#upgrade(incoming, socket, head));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    return server;
  }

  #find(incoming: IncomingMessage): Origin | undefined {
    return this.#origins.get((incoming.headers.host ?? "").toLowerCase().replace(/:\d+$/, ""));
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const origin = this.#find(incoming);
    if (!origin) refusePreview(response, 404, "there is no such preview");
    else if (incoming.url === exchangePath) await exchange(origin, incoming, response);
    else if (hasPreviewCookie(origin, incoming)) forwardRequest(targetOf(origin), incoming, response);
    else if (incoming.method === "GET" && (incoming.headers.accept ?? "").includes("text/html")) {
      response.writeHead(401, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
      response.end(ticketExchangePage);
    } else refusePreview(response, 401, "this browser has not opened the preview; open its link first");
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    const origin = this.#find(incoming);
    const page = incoming.headers.origin;
    // Cross-site WebSocket hijacking: a page of another origin must not use this cookie.
    const foreign =
      page !== undefined && (!URL.canParse(page) || new URL(page).host !== incoming.headers.host);
    if (!origin || foreign || !hasPreviewCookie(origin, incoming)) {
      socket.end("HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    forwardUpgrade(targetOf(origin), incoming, socket, head);
  }
}

async function exchange(origin: Origin, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  let ticket = "";
  for await (const chunk of incoming) {
    ticket += String(chunk);
    if (ticket.length > maxTicketBytes) break;
  }
  const isValid = origin.tickets.redeem(ticket);
  if (incoming.method !== "POST" || !isValid) {
    refusePreview(response, 401, "the ticket is not valid");
    return;
  }
  response.writeHead(204, {
    "set-cookie": `${previewCookie}=${origin.secret}; HttpOnly; SameSite=Strict; Path=/`,
  });
  response.end();
}

function targetOf({ address, port }: Origin): PreviewedPort {
  return { port, connection: { host: address, port } };
}

function hasPreviewCookie(origin: Origin, incoming: IncomingMessage): boolean {
  const cookieValue = parseCookies(incoming).find((cookie) => cookie.startsWith(`${previewCookie}=`));
  return timingSafeEqual(
    hashToken(cookieValue?.slice(previewCookie.length + 1) ?? ""),
    hashToken(origin.secret),
  );
}

function hashToken(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}

function secret(): string {
  return randomBytes(24).toString("base64url");
}
