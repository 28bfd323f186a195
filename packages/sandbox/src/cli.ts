import { sandboxCommand } from "./cli/command.ts";

const args = process.argv.slice(2);
// Without a verb this is the server as programs start it: the environment stays here, the answer is JSON.
if (args[0] === undefined || args[0].startsWith("-")) {
  const { runSandboxServer } = await import("./main.ts");
  process.exitCode = await runSandboxServer(args);
} else {
  process.exitCode = await sandboxCommand(args);
}
