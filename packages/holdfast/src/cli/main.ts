import {
  type Command,
  type CommandLoader,
  describableError,
  didYouMean,
  endWithOutput,
  failureJson,
  failureText,
  harmless,
  UsageError,
  wrongUsage,
} from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { loadStudioCommand, version } from "./studio-commands.ts";

interface Verb {
  readonly summary: string;
  readonly load: CommandLoader;
}

const verbs: Readonly<Record<string, Verb>> = {
  start: ofStudio("start", "start the Studio and print its link"),
  run: ofStudio("run", "run one task from the shell"),
  prompt: ofStudio("prompt", "hand a prompt to a group, and follow the answer"),
  groups: ofStudio("groups", "groups: agents with sessions, memory and events"),
  tasks: ofStudio("tasks", "list, show, stop, diff and apply tasks"),
  approvals: ofStudio("approvals", "list and answer what waits for a person"),
  actors: {
    summary: "list, inspect, call and end actors",
    load: async () => {
      const { actorsUsage: usage, actorsCommand: run } = await import("./actors.ts");
      return { usage, run };
    },
  },
  mcp: {
    summary: "an MCP server for agents that look after actors",
    load: async () => {
      const { mcpUsage: usage, mcpCommand: run } = await import("./mcp.ts");
      return { usage, run };
    },
  },
  agents: ofStudio("agents", "list and install coding agents"),
  sandbox: ofStudio("sandbox", "the server beside an agent"),
  sandboxes: ofStudio("sandboxes", "the same as sandbox"),
  sessions: ofStudio("sessions", "sandbox sessions: sessions of such a server"),
  plugin: ofStudio("plugin", "make, check, test and list plugins of the gate"),
  auth: ofStudio("auth", "model credentials"),
  secrets: ofStudio("secrets", "secrets of the vault, for egress and webhooks"),
  grants: ofStudio("grants", "who may use a secret, and where"),
  audit: ofStudio("audit", "verify, query and export the audit log"),
  egress: ofStudio("egress", "what may leave a jail, and budgets"),
  policy: ofStudio("policy", "check, explain and try the policy of tool calls"),
  doctor: ofStudio("doctor", "what this machine can do"),
  url: ofStudio("url", "a fresh link to the running Studio"),
  backup: ofStudio("backup", "copy a live data directory"),
  restore: ofStudio("restore", "make a data directory from a backup"),
};

function ofStudio(name: string, summary: string): Verb {
  return { summary, load: () => loadStudioCommand(name) };
}

function overview(): string {
  const lines = Object.entries(verbs).map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`);
  return `holdfast COMMAND [options]\n\n${lines.join("\n")}\n\nholdfast COMMAND --help says more.`;
}

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  // "help run" is "run --help".
  if (name === "help" && rest.length > 0) return main([...rest, "--help"]);
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    console.log(overview());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-V") {
    console.log(version());
    return 0;
  }
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) {
    const meant = didYouMean(name, Object.keys(verbs));
    process.stderr.write(`There is no command "${name}".${meant}\n\n${overview()}\n`);
    return 2;
  }
  let command: Command | undefined;
  try {
    command = await verb.load();
    return await command.run(rest);
  } catch (error) {
    if (rest.includes("--json")) {
      const usage = error instanceof UsageError;
      const failure = usage ? new HoldfastError("control", "usage", error.message) : error;
      process.stderr.write(`${harmless(failureJson(failure))}\n`);
      return usage ? 2 : 1;
    }
    if (error instanceof UsageError) {
      const usage = command?.usage ?? overview();
      process.stderr.write(wrongUsage(error.message, usage, `holdfast ${name}`, rest.length === 0));
      return 2;
    }
    if (describableError(error) !== undefined) {
      process.stderr.write(`${harmless(failureText(error))}\n`);
      return 1;
    }
    // What nobody foresaw: a sentence for everyone, the stack for who asks.
    const verbose = process.env["HOLDFAST_LOG_LEVEL"] === "debug" && error instanceof Error;
    const text = harmless(`${verbose ? error.stack : error}`);
    process.stderr.write(`${text} (internal.internal_error)\n`);
    return 1;
  }
}

endWithOutput();
process.exitCode = await main(process.argv.slice(2));
