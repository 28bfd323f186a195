import type { IncomingMessage, ServerResponse } from "node:http";
import type { NodeGateway } from "../gateway/http/node-gateway.ts";
import type { UpgradingServer } from "../gateway/sockets/upgrades.ts";
import type { MountedRegistry } from "./host.ts";

/** A handler of Express, Connect and what is like them. */
export type NodeMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Middleware for Express: `app.use("/api/holdfast", toExpressHandler(registry))`. Mount it before body
 * parsers, since it reads bodies itself (`gateway.body_consumed`). What is not the registry's own goes
 * on to the next handler. WebSockets come through the server below: {@link attachWebSockets}.
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
 * Takes the WebSockets of actors from the server that `app.listen` returned; `basePath` is where the
 * registry is mounted: "/api/holdfast".
 */
export function attachWebSockets(
  server: UpgradingServer,
  registry: Pick<MountedRegistry, "attach">,
  options: { readonly basePath?: string } = {},
): void {
  registry.attach(server, options);
}
