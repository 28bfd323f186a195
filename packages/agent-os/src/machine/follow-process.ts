import type { SandboxAgent } from "@holdfast/sandbox-client";
import type { Machine } from "../host/machine.ts";
import { exitCodeOf, killedCode } from "./exit-code.ts";

/** Passes the output of a process on until its end, or that of its machine. Resolves with the exit code; never rejects. */
export async function followProcess(
  client: SandboxAgent,
  machine: Machine,
  id: string,
  onOutput: (data: Uint8Array, stream: "stdout" | "stderr") => void,
): Promise<number> {
  try {
    const subscription = await client.followProcessLogs(id, ({ stream, data, encoding }) => {
      const bytes = new Uint8Array(Buffer.from(data, encoding === "base64" ? "base64" : "utf8"));
      onOutput(bytes, stream === "stderr" ? "stderr" : "stdout");
    });
    await Promise.race([subscription.closed, machine.ended.then(() => subscription.close())]);
    return exitCodeOf(await client.getProcess(id));
  } catch {
    // The machine has ended, and the process with it.
    return killedCode;
  }
}
