import type { IncomingMessage, ServerResponse } from "node:http";
import { toProblem } from "@holdfast/core";
import { bodyConsumed } from "../gateway/exchange.ts";
import type { NodeGateway } from "../gateway/node-gateway.ts";
import type { UpgradingServer } from "../gateway/upgrades.ts";
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
    if (isConsumed(request)) return refuseConsumed(response);
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

/** A body that somebody has read is gone. */
function isConsumed(request: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return request.readableEnded && (Number(length ?? 0) > 0 || encoding !== undefined);
}

function refuseConsumed(response: ServerResponse): void {
  const problem = toProblem(bodyConsumed());
  response.writeHead(problem.status, { "content-type": "application/problem+json" });
  response.end(JSON.stringify(problem));
}
