import { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError } from "@holdfast/core";
import type { UpgradingServer } from "../gateway/sockets/upgrades.ts";
import type { MountedRegistry } from "./host.ts";

/** The part of an instance of Fastify that is used: its own types differ by its kind of server. */
interface FastifyLike {
  readonly prefix: string;
  readonly server: object;
  readonly supportedMethods: string[];
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    contentType: string,
    parser: (request: unknown, payload: unknown, done: (error: Error | null) => void) => void,
  ): unknown;
  // A method's parameter is bivariant, as the routes of every kind of server have to fit.
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
 * A plugin for Fastify: `app.register(toFastifyPlugin(registry), { prefix: "/api/holdfast" })`. It takes
 * requests and WebSockets below its prefix; bodies are read by the registry, in this plugin only.
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
  return new HoldfastError("gateway", "unsupported_protocol", "The registry is served over HTTP/1.1 only");
}
