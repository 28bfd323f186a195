import { SandboxAgent } from "@holdfast/sandbox-client";
import { fetchOver } from "@holdfast/sandbox-client/node";
import type { Machine } from "./machine.ts";

/**
 * Runs a command that does nothing, lists a folder, and returns the machine: the first calls also load and start what all
 * others use, which takes several times as long as they do.
 */
export async function warmUp(machine: Machine): Promise<Machine> {
  const client = await SandboxAgent.connect({ fetch: fetchOver(machine.agent), skipHealthCheck: true });
  try {
    await client.runProcess({ command: "/bin/true", args: [] });
    await client.listFsEntries({ path: machine.home });
    return machine;
  } catch (error) {
    await machine.stop(0);
    throw error;
  } finally {
    await client.dispose();
  }
}
