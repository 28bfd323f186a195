import type { IncomingMessage } from "node:http";
import { paramsPrefix, tokenPrefix } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import { headersOf } from "../http/node-exchange.ts";
import type { GatewayOptions } from "../options.ts";
import { actorsPrefix, localPath, routeNotFound } from "../route.ts";
import { protocolsOf } from "../sockets/offered.ts";
import { isGatewayPath, parseDirectPath, parseGatewayPath, type RivetAddress } from "./address.ts";
import { prefixOf, type RivetDoor } from "./door.ts";
import type { RouteServer } from "./host.ts";
import type { Asker } from "./inner-exchange.ts";
import { ownParams } from "./request-headers.ts";

/** Subprotocol that every connection of these clients offers, and that is accepted. */
export const rivetSubprotocol = "rivet";
export const rivetEncodingPrefix = "rivet_encoding.";

const prefix = {
  target: "rivet_target.",
  actor: "rivet_actor.",
  token: "rivet_token.",
  inspectorToken: "rivet_inspector_token.",
  params: "rivet_conn_params.",
} as const;
const protocolHeader = "sec-websocket-protocol";

/** Rewrites upgrades on this wire to our own: address, token and parameters. The frames of a connection stay. */
export class RivetUpgrades {
  readonly #routes: RouteServer;
  readonly #door: RivetDoor;

  constructor(routes: RouteServer, door: RivetDoor) {
    this.#routes = routes;
    this.#door = door;
  }

  /** True for an upgrade on this wire. */
  claims(request: IncomingMessage): boolean {
    return isRivetUpgrade(request, this.#routes.options.basePath);
  }

  /** Throws what refuses the upgrade: then the request is unchanged. */
  async rewrite(request: IncomingMessage): Promise<void> {
    this.#routes.guard.check(request.headers.host, request.headers.origin);
    const asker: Asker = {
      peer: request.socket.remoteAddress,
      header: (name) => headerOf(request, name),
      headers: () => headersOf(request),
    };
    const offered = protocolsOf(request);
    const { address, mount } = this.#addressOf(request, offered);
    const params = offeredValue(offered, prefix.params);
    const own = offered.filter((each) => !each.startsWith("rivet_") || isEncoding(address, each));
    if (params !== undefined) own.push(`${paramsPrefix}${ownParams(decoded(params))}`);
    const token =
      (address.route.kind === "inspector" ? offeredValue(offered, prefix.inspectorToken) : undefined) ??
      address.token ??
      offeredValue(offered, prefix.token);
    if (token !== undefined) own.push(`${tokenPrefix}${Buffer.from(token).toString("base64url")}`);
    request.url = await this.#door.ownUrl(asker, { ...address, token }, mount);
    offer(request, own);
  }

  #addressOf(
    request: IncomingMessage,
    offered: readonly string[],
  ): { readonly address: RivetAddress; readonly mount: string } {
    const full = request.url ?? "/";
    const url = localPath(full, this.#routes.options.basePath) ?? "/";
    if (isGatewayPath(url)) return { address: parseGatewayPath(url), mount: prefixOf(full, url) };
    const id = offeredValue(offered, prefix.actor);
    const address = id === undefined ? undefined : parseDirectPath(full, id, undefined);
    if (address === undefined) throw routeNotFound();
    return { address, mount: "" };
  }
}

/** True for an upgrade on this wire, of a server with this mount path. */
export function isRivetUpgrade(request: IncomingMessage, basePath: GatewayOptions["basePath"]): boolean {
  const url = localPath(request.url ?? "/", basePath);
  if (url === undefined) return false;
  if (isGatewayPath(url)) return true;
  return !url.startsWith(actorsPrefix) && protocolsOf(request).includes(`${prefix.target}actor`);
}

/** True for a client that speaks the frames of this wire. */
export function speaksRivet(request: IncomingMessage): boolean {
  return protocolsOf(request).includes(rivetSubprotocol);
}

function isEncoding({ route }: RivetAddress, protocol: string): boolean {
  return route.kind === "connect" && protocol.startsWith(rivetEncodingPrefix);
}

function offeredValue(offered: readonly string[], start: string): string | undefined {
  return offered.find((each) => each.startsWith(start))?.slice(start.length);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HoldfastError(
      "message",
      "malformed_params",
      "Connection parameters are not percent-encoded UTF-8",
    );
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** Replaces the offered subprotocols, also in the raw headers, which another node of a cluster gets. */
function offer(request: IncomingMessage, protocols: readonly string[]): void {
  const text = protocols.join(", ");
  const { rawHeaders } = request;
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2) {
    if (rawHeaders[at]?.toLowerCase() === protocolHeader) rawHeaders.splice(at, 2);
  }
  if (text === "") {
    delete request.headers[protocolHeader];
    return;
  }
  request.headers[protocolHeader] = text;
  rawHeaders.push(protocolHeader, text);
}
