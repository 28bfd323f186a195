/** Express, Fastify, Hono and Next.js. */
import type { NodeGateway } from "../gateway/http/node-gateway.ts";
import type { UpgradingServer } from "../gateway/sockets/upgrades.ts";

/** What an adapter needs of a registry: any that `setup` or `createRegistry` gave. */
export interface MountedRegistry {
  handler(request: Request): Promise<Response>;
  start(): Promise<{ readonly url: string }>;
  nodeGateway(basePath: string): Promise<NodeGateway>;
  attach(server: UpgradingServer, options?: { readonly basePath?: string }): void;
}
