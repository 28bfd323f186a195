import { sandboxCommand } from "./cli/command.ts";
import { runSandboxServer } from "./main.ts";

const [first] = process.argv.slice(2);
// Without a verb this is the server as programs start it: the environment stays here, the answer is JSON.
process.exitCode =
  first === undefined || first.startsWith("-")
    ? await runSandboxServer(process.argv.slice(2))
    : await sandboxCommand(process.argv.slice(2));
