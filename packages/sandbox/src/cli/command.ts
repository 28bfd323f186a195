import {
  type Command,
  type CommandEntry,
  didYouMean,
  failureText,
  UsageError,
  wrongUsage,
} from "@holdfast/cli";
import { escapeControls, printErrorJson, printUsageErrorJson } from "./output.ts";
import { serverUsage } from "./server-usage.ts";

/** The server as started by hand: agents inherit the environment, and the output is text instead of JSON. */
async function loadServer(): Promise<Command> {
  const { runSandboxServer } = await import("../main.ts");
  return {
    usage: serverUsage,
    run: (args) => runSandboxServer(args, { inheritEnv: true, asText: true }),
  };
}

/** The commands of `holdfast sandbox`; a name of two words is written with a space. */
export const sandboxCommands: Readonly<Record<string, CommandEntry>> = {
  server: { summary: "runs a server in the foreground", load: loadServer },
  daemon: {
    summary: "starts and stops a server in the background",
    load: async () => {
      const { daemonUsage: usage, daemonCommand: run } = await import("./daemon.ts");
      return { usage, run };
    },
  },
  "api agents": {
    summary: "lists and installs agents of a server",
    load: async () => {
      const { apiAgentsUsage: usage, apiAgentsCommand: run } = await import("./api-agents.ts");
      return { usage, run };
    },
  },
  "api acp": {
    summary: "exchanges ACP messages with an agent",
    load: async () => {
      const { apiAcpUsage: usage, apiAcpCommand: run } = await import("./api-acp.ts");
      return { usage, run };
    },
  },
  sessions: {
    summary: "creates, prompts and lists sessions of a server",
    load: async () => {
      const { sessionsUsage: usage, sessionsCommand: run } = await import("./sessions.ts");
      return { usage, run };
    },
  },
  processes: {
    summary: "runs and manages processes of a server",
    load: async () => {
      const { processesUsage: usage, processesCommand: run } = await import("./processes.ts");
      return { usage, run };
    },
  },
  fs: {
    summary: "reads and changes files of a server",
    load: async () => {
      const { filesUsage: usage, filesCommand: run } = await import("./files.ts");
      return { usage, run };
    },
  },
  install: {
    summary: "installs the programs of a desktop on this machine",
    load: async () => {
      const { installUsage: usage, installCommand: run } = await import("./install.ts");
      return { usage, run };
    },
  },
  "install-agent": {
    summary: "installs an agent on this machine",
    load: async () => {
      const { installAgentUsage: usage, installAgentCommand: run } = await import("./install-agent.ts");
      return { usage, run };
    },
  },
  credentials: {
    summary: "lists the credentials that agents would find here",
    load: async () => {
      const { credentialsUsage: usage, credentialsCommand: run } = await import("./credentials.ts");
      return { usage, run };
    },
  },
  mcp: {
    summary: "serves tools for the desktop to an agent",
    load: async () => {
      const { mcpUsage: usage, mcpCommand: run } = await import("./mcp/mcp.ts");
      return { usage, run };
    },
  },
  opencode: {
    summary: "attaches OpenCode's terminal to a server",
    load: async () => {
      const { opencodeUsage: usage, opencodeCommand: run } = await import("./opencode.ts");
      return { usage, run };
    },
  },
};

/** Lists the verbs that start with `prefix`, each with its summary. */
function summaries(prefix: string): string {
  return Object.entries(sandboxCommands)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, { summary }]) => `  ${name.padEnd(14)} ${summary}`)
    .join("\n");
}

/** Help text of `holdfast sandbox --help`. */
export const sandboxUsage = `holdfast sandbox VERB [options]

${summaries("")}

"holdfast sandbox VERB --help" shows the options of a verb; -V, --version prints the version.`;

const groupUsage = `holdfast sandbox api agents | acp

${summaries("api ")}

"holdfast sandbox api agents --help" and "holdfast sandbox api acp --help" show their options.`;

/** Runs one verb. Exit codes: 0 done, 1 failed, 2 wrong usage. */
export async function sandboxCommand(args: readonly string[]): Promise<number> {
  const { first, rest } = splitVerb(args);
  if (first === undefined || first === "help" || first === "--help" || first === "-h") {
    process.stdout.write(`${sandboxUsage}\n`);
    return first === undefined ? 2 : 0;
  }
  if (first === "-V" || first === "--version") {
    const { packageVersion } = await import("./daemon.ts");
    process.stdout.write(`holdfast sandbox ${packageVersion()}\n`);
    return 0;
  }
  // "api" is a group of two verbs and no verb itself.
  const isGroupHelp = rest[0] === "help" || rest[0] === "--help" || rest[0] === "-h";
  if (first === "api" && (rest[0] === undefined || isGroupHelp)) {
    if (isGroupHelp) process.stdout.write(`${groupUsage}\n`);
    else process.stderr.write(wrongUsage("agents or acp is missing", groupUsage, "", true));
    return isGroupHelp ? 0 : 2;
  }
  const isGroup = first === "api";
  const name = isGroup ? `${first} ${rest[0]}` : first;
  const verb = Object.hasOwn(sandboxCommands, name) ? sandboxCommands[name] : undefined;
  if (verb === undefined) {
    const reason = `There is no "sandbox ${name}".${didYouMean(name, Object.keys(sandboxCommands))}`;
    if (rest.includes("--json")) printUsageErrorJson(reason);
    else process.stderr.write(`${reason}\n\n${sandboxUsage}\n`);
    return 2;
  }
  const verbArgs = isGroup ? rest.slice(1) : rest;
  // For "api acp" the option is the message to send.
  const json = name !== "api acp" && verbArgs.includes("--json");
  let command: Command | undefined;
  try {
    command = await verb.load();
    return await command.run(verbArgs);
  } catch (error) {
    if (error instanceof UsageError) {
      const usage = command?.usage ?? sandboxUsage;
      if (json) printUsageErrorJson(error.message);
      else {
        process.stderr.write(
          wrongUsage(error.message, usage, `holdfast sandbox ${name}`, verbArgs.length === 0),
        );
      }
      return 2;
    }
    if (json) {
      printErrorJson(error);
      return 1;
    }
    // A message may quote several lines of an agent's output.
    process.stderr.write(`${failureText(error).split("\n").map(escapeControls).join("\n")}\n`);
    return 1;
  }
}

/** Splits off the verb. Moves global options in front of it, which the peer accepts, behind it. */
function splitVerb(args: readonly string[]): {
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
  const isGroup = first === "api" && group !== undefined;
  return { first, rest: isGroup ? [group, ...leading, ...others] : [...leading, ...rest] };
}
