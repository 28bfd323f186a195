import { readFileSync } from "node:fs";
import { failureText, toldError, wrongUsage } from "@holdfast/sandbox/cli/failure";
import { didYouMean } from "@holdfast/sandbox/cli/nearest";
import { UsageError } from "./arguments.ts";
import { endWithOutput } from "./output-end.ts";
import { harmless } from "./terminal.ts";

interface Command {
  readonly usage: string;
  readonly run: (args: readonly string[]) => Promise<number>;
}

interface Verb {
  readonly summary: string;
  /** Each is loaded when it is asked for: a sandbox server keeps nothing of the Studio in memory. */
  readonly load: () => Promise<Command>;
}

async function loadSandbox(): Promise<Command> {
  const { sandboxUsage: usage, sandboxCommand: run } = await import("@holdfast/sandbox/cli");
  return { usage, run };
}

const verbs: Readonly<Record<string, Verb>> = {
  start: {
    summary: "start the Studio and print its link",
    load: async () => {
      const { startUsage: usage, startCommand: run } = await import("./start.ts");
      return { usage, run };
    },
  },
  run: {
    summary: "run one task from the shell",
    load: async () => {
      const { runUsage: usage, runCommand: run } = await import("./run.ts");
      return { usage, run };
    },
  },
  prompt: {
    summary: "hand a prompt to a group, and follow the answer",
    load: async () => {
      const { promptUsage: usage, promptCommand: run } = await import("./prompt.ts");
      return { usage, run };
    },
  },
  groups: {
    summary: "groups: agents with sessions, memory and events",
    load: async () => {
      const { groupsUsage: usage, groupsCommand: run } = await import("./groups.ts");
      return { usage, run };
    },
  },
  tasks: {
    summary: "list, show, stop, diff and apply tasks",
    load: async () => {
      const { tasksUsage: usage, tasksCommand: run } = await import("./tasks.ts");
      return { usage, run };
    },
  },
  approvals: {
    summary: "list and answer what waits for a person",
    load: async () => {
      const { approvalsUsage: usage, approvalsCommand: run } = await import("./approvals.ts");
      return { usage, run };
    },
  },
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
  agents: {
    summary: "list and install coding agents",
    load: async () => {
      const { agentsUsage: usage, agentsCommand: run } = await import("./agents.ts");
      return { usage, run };
    },
  },
  sandbox: { summary: "the server beside an agent", load: loadSandbox },
  sandboxes: { summary: "the same as sandbox", load: loadSandbox },
  sessions: {
    summary: "sandbox sessions: sessions of such a server",
    load: async () => {
      const { usage, run } = await loadSandbox();
      return { usage, run: (args) => run(["sessions", ...args]) };
    },
  },
  plugin: {
    summary: "make, check, test and list plugins of the gate",
    load: async () => {
      const { pluginUsage: usage, pluginCommand: run } = await import("./plugin.ts");
      return { usage, run };
    },
  },
  auth: {
    summary: "model credentials",
    load: async () => {
      const { authUsage: usage, authCommand: run } = await import("./auth.ts");
      return { usage, run };
    },
  },
  secrets: {
    summary: "secrets of the vault, for egress and webhooks",
    load: async () => {
      const { secretsUsage: usage, secretsCommand: run } = await import("./secrets.ts");
      return { usage, run };
    },
  },
  grants: {
    summary: "who may use a secret, and where",
    load: async () => {
      const { grantsUsage: usage, grantsCommand: run } = await import("./grants.ts");
      return { usage, run };
    },
  },
  audit: {
    summary: "verify, query and export the audit log",
    load: async () => {
      const { auditUsage: usage, auditCommand: run } = await import("./audit.ts");
      return { usage, run };
    },
  },
  egress: {
    summary: "what may leave a jail, and budgets",
    load: async () => {
      const { egressUsage: usage, egressCommand: run } = await import("./egress.ts");
      return { usage, run };
    },
  },
  policy: {
    summary: "check, explain and try the policy of tool calls",
    load: async () => {
      const { policyUsage: usage, policyCommand: run } = await import("./policy.ts");
      return { usage, run };
    },
  },
  doctor: {
    summary: "what this machine can do",
    load: async () => {
      const { doctorUsage: usage, doctorCommand: run } = await import("./doctor.ts");
      return { usage, run };
    },
  },
  url: {
    summary: "a fresh link to the running Studio",
    load: async () => {
      const { urlUsage: usage, urlCommand: run } = await import("./url.ts");
      return { usage, run };
    },
  },
  backup: {
    summary: "copy a live data directory",
    load: async () => {
      const { backupUsage: usage, backupCommand: run } = await import("./backup.ts");
      return { usage, run };
    },
  },
  restore: {
    summary: "make a data directory from a backup",
    load: async () => {
      const { restoreUsage: usage, restoreCommand: run } = await import("./backup.ts");
      return { usage, run };
    },
  },
};

function overview(): string {
  const lines = Object.entries(verbs).map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`);
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
    if (error instanceof UsageError) {
      const usage = command?.usage ?? overview();
      process.stderr.write(wrongUsage(error.message, usage, `holdfast ${name}`, rest.length === 0));
      return 2;
    }
    if (toldError(error) !== undefined) {
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
