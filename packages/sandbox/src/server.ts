import type { SandboxServer, SandboxServerOptions } from "./options.ts";

/** Starts a sandbox server; resolves when it can be reached. */
export async function createSandboxServer(_options: SandboxServerOptions): Promise<SandboxServer> {
  throw new Error("not yet");
}
