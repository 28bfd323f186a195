import { runSandboxServer } from "./main.ts";

process.exitCode = await runSandboxServer(process.argv.slice(2));
