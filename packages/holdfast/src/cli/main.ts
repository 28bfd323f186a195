import { readFileSync } from "node:fs";
import { isHoldfastError } from "@holdfast/core";
import { sandboxCommand, sandboxUsage } from "@holdfast/sandbox/cli";
import { actorsCommand, actorsUsage } from "./actors.ts";
import { agentsCommand, agentsUsage } from "./agents.ts";
import { UsageError } from "./arguments.ts";
import { authCommand, authUsage } from "./auth.ts";
import { backupCommand, backupUsage, restoreCommand, restoreUsage } from "./backup.ts";
import { doctorCommand, doctorUsage } from "./doctor.ts";
import { mcpCommand, mcpUsage } from "./mcp.ts";
import { runCommand, runUsage } from "./run.ts";
import { startCommand, startUsage } from "./start.ts";
import { tasksCommand, tasksUsage } from "./tasks.ts";
import { urlCommand, urlUsage } from "./url.ts";

interface Command {
  readonly summary: string;
  readonly usage: string;
  readonly run: (args: readonly string[]) => Promise<number>;
}

const commands: Readonly<Record<string, Command>> = {
  start: { summary: "start the Studio and print its link", usage: startUsage, run: startCommand },
  run: { summary: "run one task from the shell", usage: runUsage, run: runCommand },
  tasks: { summary: "list, show, stop, diff and apply tasks", usage: tasksUsage, run: tasksCommand },
  actors: { summary: "list, inspect, call and end actors", usage: actorsUsage, run: actorsCommand },
  mcp: { summary: "an MCP server for agents that look after actors", usage: mcpUsage, run: mcpCommand },
  agents: { summary: "list and install coding agents", usage: agentsUsage, run: agentsCommand },
  sandbox: { summary: "the server beside an agent", usage: sandboxUsage, run: sandboxCommand },
  auth: { summary: "model credentials", usage: authUsage, run: authCommand },
  doctor: { summary: "what this machine can do", usage: doctorUsage, run: doctorCommand },
  url: { summary: "a fresh link to the running Studio", usage: urlUsage, run: urlCommand },
  backup: { summary: "copy a live data directory", usage: backupUsage, run: backupCommand },
  restore: { summary: "make a data directory from a backup", usage: restoreUsage, run: restoreCommand },
};

function overview(): string {
  const lines = Object.entries(commands).map(([name, command]) => `  ${name.padEnd(9)} ${command.summary}`);
  return `holdfast COMMAND [options]\n\n${lines.join("\n")}\n\nholdfast COMMAND --help says more.`;
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return manifest.version;
}

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    console.log(overview());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-V") {
    console.log(version());
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`There is no command "${name}".\n\n${overview()}\n`);
    return 2;
  }
  try {
    return await command.run(rest);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${command.usage}\n`);
      return 2;
    }
    if (isHoldfastError(error)) {
      process.stderr.write(`${error.message} (${error.group}.${error.code})\n`);
      return 1;
    }
    // What nobody foresaw: a sentence for everyone, the stack for who asks.
    const verbose = process.env["HOLDFAST_LOG_LEVEL"] === "debug" && error instanceof Error;
    process.stderr.write(`${verbose ? error.stack : String(error)} (internal.internal_error)\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
