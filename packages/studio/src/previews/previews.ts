/**
 * Previews: what a program in the jail of a task serves on a port, in a frame of the Studio. Each has a host name of its own,
 * with which no other page shares cookies or storage. Reaches sandboxes through their routes, and imports no backend.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { HoldfastError } from "@holdfast/core";
import {
  forwardRequest,
  forwardUpgrade,
  openTunnel,
  type PreviewedPort,
  parseCookies,
  previewCookie,
  refusePreview,
} from "@holdfast/sandbox";
import type { SandboxRoute } from "../cluster/other-nodes.ts";
import type { PreviewView } from "../contract/previews.ts";
import { sandboxNotRunning } from "../http/sandbox-proxy.ts";
import { studioLimits } from "../limits.ts";
import { confineRequest, confineResponse, isServiceWorker, pagePolicy } from "./confine.ts";
import { exchangePage, exchangePath } from "./exchange-page.ts";
import type { PreviewHosts } from "./preview-hosts.ts";

const maxTicketBytes = 256;
const maxTickets = 20;

export interface PreviewsOptions {
  readonly hosts: PreviewHosts;
  /** The way to a task's sandbox server, while its agent runs. */
  readonly sandbox: (taskId: string) => SandboxRoute | undefined;
  readonly now: () => number;
}

export interface PreviewWish {
  readonly taskId: string;
  readonly port: string;
  readonly personId: string;
  /** Aborted when the person may have lost the right. */
  readonly until: AbortSignal | undefined;
  /** The Host header with which the person reaches the Studio. */
  readonly host: string | undefined;
}

/** Access of one person to one port of one task. */
interface Access {
  readonly taskId: string;
  readonly port: number;
  readonly personId: string;
  readonly origin: string;
  readonly secret: string;
  /** Expiry of the tickets that nobody has used yet, by their hashes. */
  readonly tickets: Map<string, number>;
  /** Ends what is open when the access does. */
  readonly open: Set<Duplex | ServerResponse>;
  /** The addresses of the Studio, whose pages may show it. */
  studioOrigin: string;
  expiresAt: number;
  until: AbortSignal | undefined;
}

export class Previews {
  readonly #options: PreviewsOptions;
  /** By host name. The oldest comes first. */
  readonly #accesses = new Map<string, Access>();

  constructor(options: PreviewsOptions) {
    this.#options = options;
  }

  /**
   * Lets a person see a port, or extends what they have. Throws `task.sandbox_not_running`, `preview.invalid_port`,
   * `preview.no_host`.
   */
  open(wish: PreviewWish): PreviewView {
    const { hosts, now, sandbox } = this.#options;
    const port = requirePort(wish.port);
    if (sandbox(wish.taskId) === undefined) throw sandboxNotRunning();
    this.#removeEnded();
    const known = [...this.#accesses].find(
      ([, each]) => each.taskId === wish.taskId && each.port === port && each.personId === wish.personId,
    );
    const name = known?.[0] ?? hosts.newName();
    // The person may have come by another address of the Studio this time.
    const { origin, studioOrigin } = hosts.originOf(name, wish.host);
    const access: Access = {
      ...(known?.[1] ?? { secret: randomText(), tickets: new Map(), open: new Set() }),
      ...{ taskId: wish.taskId, personId: wish.personId, port, origin, studioOrigin },
      expiresAt: now() + studioLimits.previewMs,
      until: wish.until,
    };
    this.#accesses.delete(name);
    this.#accesses.set(name, access);
    this.#endWith(name, access);
    if (this.#accesses.size > studioLimits.maxPreviews) this.#end(this.#accesses.keys().next().value ?? "");
    return { url: `${origin}/#${this.#issueTicket(access)}`, expiresAt: access.expiresAt };
  }

  /** Ends everything that a person has open. */
  endOf(personId: string): void {
    for (const [name, access] of this.#accesses) if (access.personId === personId) this.#end(name);
  }

  /** True for a request to a preview, whether there is one of this name or not. */
  owns(host: string | undefined): boolean {
    return this.#options.hosts.nameOf(host) !== undefined;
  }

  request(incoming: IncomingMessage, response: ServerResponse): void {
    // The client disconnected during the exchange of the ticket.
    this.#handle(incoming, response).catch(() => response.destroy());
  }

  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {});
    const access = this.#find(incoming);
    const route = access && this.#options.sandbox(access.taskId);
    if (access === undefined || isForeign(access, incoming) || !hasCookie(access, incoming) || !route) {
      socket.end("HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    track(access, socket);
    confineRequest(incoming, access);
    forwardUpgrade(targetOf(access, route), incoming, socket, head);
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const access = this.#find(incoming);
    if (access === undefined)
      return refusePreview(response, 404, "This preview has ended. Open it again in the Studio.");
    if (isForeign(access, incoming))
      return refusePreview(response, 403, "Pages of other sites cannot use a preview.");
    if (incoming.url === exchangePath) return this.#exchange(access, incoming, response);
    // In a frame of the Studio, its policy keeps the page from leaving for another site.
    if (incoming.headers["sec-fetch-dest"] === "document")
      return refusePreview(response, 403, "A preview is shown in the Studio. Open it there.");
    if (isServiceWorker(incoming))
      return refusePreview(response, 403, "A preview has no service worker, which could lift its policy.");
    if (!hasCookie(access, incoming)) return sendExchangePage(access, incoming, response);
    const route = this.#options.sandbox(access.taskId);
    if (route === undefined) return refusePreview(response, 502, "The sandbox of this task does not run.");
    track(access, response);
    confineRequest(incoming, access);
    forwardRequest(targetOf(access, route), incoming, response);
  }

  async #exchange(access: Access, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    let ticket = "";
    for await (const chunk of incoming) {
      ticket += String(chunk);
      if (ticket.length > maxTicketBytes) break;
    }
    if (incoming.method !== "POST" || !this.#redeem(access, ticket))
      return refusePreview(response, 401, "The ticket is not valid.");
    const maxAge = Math.ceil(studioLimits.previewMs / 1_000);
    // The frame is one of another site. The cookie counts below pages of the Studio alone.
    const attributes = `Max-Age=${maxAge}; Path=/; HttpOnly; Secure; SameSite=None; Partitioned`;
    const cookie = `${previewCookie}=${access.secret}; ${attributes}`;
    response.writeHead(204, { "set-cookie": cookie, "cache-control": "no-store" });
    response.end();
  }

  #issueTicket(access: Access): string {
    const ticket = randomText();
    if (access.tickets.size >= maxTickets) access.tickets.clear();
    access.tickets.set(hash(ticket), this.#options.now() + studioLimits.previewTicketMs);
    return ticket;
  }

  /** A look-up by hash tells nothing about valid tickets by its time. */
  #redeem(access: Access, ticket: string): boolean {
    const key = hash(ticket);
    const expiresAt = access.tickets.get(key) ?? 0;
    access.tickets.delete(key);
    return this.#options.now() < expiresAt;
  }

  #find(incoming: IncomingMessage): Access | undefined {
    this.#removeEnded();
    const name = this.#options.hosts.nameOf(incoming.headers.host);
    return name === undefined ? undefined : this.#accesses.get(name);
  }

  #removeEnded(): void {
    const now = this.#options.now();
    for (const [name, { expiresAt, until }] of this.#accesses)
      if (expiresAt <= now || until?.aborted === true) this.#end(name);
  }

  /** Ends the access in time, although nobody may ask for it any more. */
  #endWith(name: string, access: Access): void {
    const end = () => {
      if (this.#accesses.get(name) === access) this.#end(name);
    };
    setTimeout(end, studioLimits.previewMs).unref();
    access.until?.addEventListener("abort", end, { once: true });
  }

  #end(name: string): void {
    for (const stream of this.#accesses.get(name)?.open ?? []) stream.destroy();
    this.#accesses.delete(name);
  }
}

function requirePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port > 0 && port < 65_536) return port;
  throw new HoldfastError("preview", "invalid_port", `"${text}" is not a port`, { statusCode: 400 });
}

function targetOf({ port, origin, studioOrigin }: Access, route: SandboxRoute): PreviewedPort {
  return {
    port,
    connection: {
      createConnection: (_options, onCreated) => {
        connectTo(route, port).then(
          (stream) => onCreated?.(null, stream),
          (error: Error) => onCreated?.(error, undefined as unknown as Duplex),
        );
        return undefined;
      },
    },
    changeHeaders: (headers) => confineResponse(headers, { port, origin, studioOrigin }),
  };
}

/** Opens a connection to a port in the jail, which keeps the sandbox. */
async function connectTo(route: SandboxRoute, port: number): Promise<Duplex> {
  const stream = await openTunnel(route, port);
  const release = route.hold?.();
  stream.once("close", () => release?.());
  return stream;
}

function track({ open }: Access, stream: Duplex | ServerResponse): void {
  open.add(stream);
  stream.once("close", () => open.delete(stream));
}

/** Cross-site request forgery: a page of another origin must not use the cookie. */
function isForeign({ origin }: Access, { headers }: IncomingMessage): boolean {
  return headers.origin !== undefined && headers.origin !== origin;
}

function sendExchangePage(access: Access, incoming: IncomingMessage, response: ServerResponse): void {
  if (incoming.method !== "GET" || !(incoming.headers.accept ?? "").includes("text/html"))
    return refusePreview(response, 401, "This browser has not opened the preview.");
  response.writeHead(401, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": pagePolicy(access),
    "cache-control": "no-store",
  });
  response.end(exchangePage);
}

function hasCookie({ secret }: Access, incoming: IncomingMessage): boolean {
  const cookie = parseCookies(incoming).find((each) => each.startsWith(`${previewCookie}=`)) ?? "";
  return timingSafeEqual(digest(cookie.slice(previewCookie.length + 1)), digest(secret));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}

function hash(text: string): string {
  return digest(text).toString("hex");
}

function randomText(): string {
  return randomBytes(24).toString("base64url");
}
