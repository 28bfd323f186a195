import { runSandboxServer } from "../main.ts";

/** The server as a person starts it: agents see the person's environment, and the answer is in words. */
export async function serverCommand(args: readonly string[]): Promise<number> {
  return await runSandboxServer(args, { inheritEnv: true, words: true });
}
