import { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError } from "@holdfast/core";
import type { UpgradingServer } from "../gateway/sockets/upgrades.ts";
import type { MountedRegistry } from "./host.ts";

/** The used part of a Fastify instance: its own types differ by the kind of server. */
interface FastifyLike {
  readonly prefix: string;
  readonly server: object;
  readonly supportedMethods: string[];
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    contentType: string,
    parser: (request: unknown, payload: unknown, done: (error: Error | null) => void) => void,
  ): unknown;
  // A method, because method parameters are bivariant, so that the routes of every kind of server fit.
  route(options: {
    method: string[];
    url: string;
    exposeHeadRoute: boolean;
    handler(request: { readonly raw: object }, reply: FastifyReplyLike): Promise<void>;
  }): unknown;
}

interface FastifyReplyLike {
  readonly raw: object;
  hijack(): unknown;
}

/**
 * A plugin for Fastify: `app.register(toFastifyPlugin(registry), { prefix: "/api/holdfast" })`. Handles requests and
 * WebSockets below its prefix. Within this plugin, the registry reads the bodies.
 */
export function toFastifyPlugin(
  registry: Pick<MountedRegistry, "nodeGateway" | "attach">,
): (fastify: FastifyLike) => Promise<void> {
  return async (fastify) => {
    const { prefix } = fastify;
    const gateway = await registry.nodeGateway(prefix);
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser("*", (_request, _payload, done) => done(null));
    fastify.route({
      method: fastify.supportedMethods,
      url: "/*",
      exposeHeadRoute: false,
      handler: async ({ raw: request }, reply) => {
        const { raw: response } = reply;
        if (!(request instanceof IncomingMessage) || !(response instanceof ServerResponse)) throw notHttp1();
        reply.hijack();
        gateway.request(request, response);
      },
    });
    if (!isUpgrading(fastify.server)) throw notHttp1();
    registry.attach(fastify.server, { basePath: prefix });
  };
}

function isUpgrading(server: object): server is UpgradingServer {
  return "on" in server && typeof server.on === "function";
}

function notHttp1(): HoldfastError {
  return new HoldfastError("gateway", "unsupported_protocol", "The registry supports HTTP/1.1 only");
}
