import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { apiAcpCommand, apiAcpUsage } from "./api-acp.ts";
import { apiAgentsCommand, apiAgentsUsage } from "./api-agents.ts";
import { UsageError } from "./arguments.ts";
import { credentialsCommand, credentialsUsage } from "./credentials.ts";
import { daemonCommand, daemonUsage } from "./daemon.ts";
import { filesCommand, filesUsage } from "./files.ts";
import { installAgentCommand, installAgentUsage } from "./install-agent.ts";
import { harmless } from "./output.ts";
import { processesCommand, processesUsage } from "./processes.ts";
import { serverUsage } from "./server-usage.ts";
import { sessionsCommand, sessionsUsage } from "./sessions.ts";

interface Command {
  readonly summary: string;
  readonly usage: string;
  readonly run: (args: readonly string[]) => Promise<number>;
}

/**
 * The server as a person starts it: agents see the person's environment, and the answer is in words.
 * It is loaded only here, because the other verbs need nothing of it and should start at once.
 */
async function serverCommand(args: readonly string[]): Promise<number> {
  const { runSandboxServer } = await import("../main.ts");
  return await runSandboxServer(args, { inheritEnv: true, words: true });
}

const commands: Readonly<Record<string, Command>> = {
  server: { summary: "the server, until it is interrupted", usage: serverUsage, run: serverCommand },
  daemon: { summary: "the server in the background", usage: daemonUsage, run: daemonCommand },
  "api agents": { summary: "agents of a server", usage: apiAgentsUsage, run: apiAgentsCommand },
  "api acp": { summary: "messages to and from an agent", usage: apiAcpUsage, run: apiAcpCommand },
  sessions: { summary: "sessions of a server", usage: sessionsUsage, run: sessionsCommand },
  processes: { summary: "processes of a server", usage: processesUsage, run: processesCommand },
  fs: { summary: "files of a server", usage: filesUsage, run: filesCommand },
  "install-agent": { summary: "install an agent here", usage: installAgentUsage, run: installAgentCommand },
  credentials: { summary: "what agents would find here", usage: credentialsUsage, run: credentialsCommand },
  opencode: {
    summary: "not there yet",
    usage: "holdfast sandbox opencode",
    run: async () => {
      const message = "This server has no /opencode routes yet, so the OpenCode client cannot attach to it";
      throw new HoldfastError("sandbox", "not_implemented", message, { statusCode: 501 });
    },
  },
};

export const sandboxUsage = `holdfast sandbox VERB [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(14)} ${summary}`)
  .join("\n")}

holdfast sandbox VERB --help says more.`;

/** Runs one verb. Exit codes: 0 done, 1 failed, 2 wrong usage. */
export async function sandboxCommand(args: readonly string[]): Promise<number> {
  const { first, rest } = split(args);
  if (first === undefined || first === "help" || first === "--help" || first === "-h") {
    process.stdout.write(`${sandboxUsage}\n`);
    return first === undefined ? 2 : 0;
  }
  const isGroup = first === "api" && rest[0] !== undefined;
  const name = isGroup ? `${first} ${rest[0]}` : first;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`There is no "sandbox ${name}".\n\n${sandboxUsage}\n`);
    return 2;
  }
  try {
    return await command.run(isGroup ? rest.slice(1) : rest);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${command.usage}\n`);
      return 2;
    }
    const text = isHoldfastError(error) ? `${error.message} (${error.group}.${error.code})` : String(error);
    // A message may quote what an agent printed, over several lines.
    process.stderr.write(`${text.split("\n").map(harmless).join("\n")}\n`);
    return 1;
  }
}

/** The peer takes its global options in front of the verb too: they go behind it. */
function split(args: readonly string[]): {
  readonly first: string | undefined;
  readonly rest: readonly string[];
} {
  const leading: string[] = [];
  let at = 0;
  for (; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    if (arg === "-n" || arg === "--no-token" || /^--token=/.test(arg)) leading.push(arg);
    else if ((arg === "-t" || arg === "--token") && args[at + 1] !== undefined) {
      leading.push(arg, args[at + 1] ?? "");
      at += 1;
    } else break;
  }
  const [first, ...rest] = args.slice(at);
  const [group, ...others] = rest;
  const under = first === "api" && group !== undefined;
  return { first, rest: under ? [group, ...leading, ...others] : [...leading, ...rest] };
}
