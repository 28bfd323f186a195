import { sandboxCommand } from "./cli/command.ts";

const args = process.argv.slice(2);
// Without a verb this is the server as other programs start it: it does not pass on its environment, and announces
// itself in JSON.
if (args[0] === undefined || args[0].startsWith("-")) {
  const { runSandboxServer } = await import("./main.ts");
  process.exitCode = await runSandboxServer(args);
} else {
  process.exitCode = await sandboxCommand(args);
}
