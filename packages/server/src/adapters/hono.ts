import type { UpgradingServer } from "../gateway/sockets/upgrades.ts";
import type { MountedRegistry } from "./host.ts";

/** The used part of a Hono context. */
interface HonoContext {
  readonly req: { readonly raw: Request };
}

/**
 * A handler for Hono: `app.all("/api/holdfast/*", toHonoHandler(registry))`. WebSockets need the server below Hono:
 * {@link attachWebSockets}.
 */
export function toHonoHandler(
  registry: Pick<MountedRegistry, "handler">,
): (c: HonoContext) => Promise<Response> {
  return (c) => registry.handler(c.req.raw);
}

/**
 * Handles the WebSockets of actors on the server that `serve` of `@hono/node-server` returned. `basePath` is the mount
 * path of the registry: "/api/holdfast".
 */
export function attachWebSockets(
  server: UpgradingServer,
  registry: Pick<MountedRegistry, "attach">,
  options: { readonly basePath?: string } = {},
): void {
  registry.attach(server, options);
}
