import type { UpgradingServer } from "../gateway/sockets/upgrades.ts";
import type { MountedRegistry } from "./host.ts";

/** The part of a context of Hono that is used. */
interface HonoContext {
  readonly req: { readonly raw: Request };
}

/**
 * A handler for Hono: `app.all("/api/holdfast/*", toHonoHandler(registry))`. WebSockets come through the
 * server below Hono: {@link attachWebSockets}.
 */
export function toHonoHandler(
  registry: Pick<MountedRegistry, "handler">,
): (c: HonoContext) => Promise<Response> {
  return (c) => registry.handler(c.req.raw);
}

/**
 * Takes the WebSockets of actors from the server that `serve` of `@hono/node-server` returned;
 * `basePath` is where the registry is mounted: "/api/holdfast".
 */
export function attachWebSockets(
  server: UpgradingServer,
  registry: Pick<MountedRegistry, "attach">,
  options: { readonly basePath?: string } = {},
): void {
  registry.attach(server, options);
}
