import type { SandboxServer, SandboxServerOptions } from "./options.ts";

/**
 * Starts a sandbox server. Resolves when it is reachable; in dial mode, when the host has accepted a connection.
 * Throws `sandbox.remote_not_allowed` for a host other than loopback without `allowRemote`, and
 * `sandbox.address_in_use` if another program listens there.
 */
export async function createSandboxServer(options: SandboxServerOptions): Promise<SandboxServer> {
  // The server is most of this package, and who imports only the table of agents, such as the Studio, starts without it.
  const server = await import("./server.ts");
  return server.createSandboxServer(options);
}
