import type { IncomingMessage, ServerResponse } from "node:http";
import type { NodeGateway } from "../gateway/http/node-gateway.ts";
import type { UpgradingServer } from "../gateway/sockets/upgrades.ts";
import type { MountedRegistry } from "./host.ts";

/** A request handler of Express, Connect and compatible frameworks. */
export type NodeMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Middleware for Express: `app.use("/api/holdfast", toExpressHandler(registry))`. Mount it before body parsers,
 * because it reads bodies itself (`gateway.body_consumed`). Requests for other paths go on to the next handler.
 * WebSockets need the server below Express: {@link attachWebSockets}.
 */
export function toExpressHandler(registry: Pick<MountedRegistry, "nodeGateway">): NodeMiddleware {
  let gateway: Promise<NodeGateway> | undefined;
  return (request, response, next) => {
    gateway ??= registry.nodeGateway("");
    gateway.then(
      (opened) => opened.request(request, response, () => next()),
      (error: unknown) => {
        gateway = undefined;
        next(error);
      },
    );
  };
}

/**
 * Handles the WebSockets of actors on the server that `app.listen` returned. `basePath` is the mount path of the
 * registry: "/api/holdfast".
 */
export function attachWebSockets(
  server: UpgradingServer,
  registry: Pick<MountedRegistry, "attach">,
  options: { readonly basePath?: string } = {},
): void {
  registry.attach(server, options);
}
