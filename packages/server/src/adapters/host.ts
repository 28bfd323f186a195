/** Adapters for Express, Fastify, Hono and Next.js. */
import type { NodeGateway } from "../gateway/http/node-gateway.ts";
import type { UpgradingServer } from "../gateway/sockets/upgrades.ts";

/** The part of a registry that adapters use; any registry of `setup` or `createRegistry` has it. */
export interface MountedRegistry {
  handler(request: Request): Promise<Response>;
  /** True for a process behind scale-to-zero HTTP. */
  readonly isServerless: boolean;
  start(): Promise<{ readonly url: string }>;
  nodeGateway(basePath: string): Promise<NodeGateway>;
  attach(server: UpgradingServer, options?: { readonly basePath?: string }): void;
}
