import {
  type Command,
  type CommandEntry,
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
import { loadInstalledStudioCommand, loadStudioCommand, version } from "./studio-commands.ts";

const commands: Readonly<Record<string, CommandEntry>> = {
  dev: {
    summary: "run actors, and load them anew when their program is saved",
    load: async () => {
      const { devUsage: usage, devCommand: run } = await import("./dev/command.ts");
      return { usage, run };
    },
  },
  init: {
    summary: "add actors to the project in this folder",
    load: async () => {
      const { initUsage: usage, initCommand: run } = await import("./init/command.ts");
      return { usage, run };
    },
  },
  start: ofStudio("start", "start the Studio and print its link"),
  run: ofStudio("run", "run one task from the shell"),
  new: ofStudio("new", "start a task, or several attempts at one"),
  prompt: ofStudio("prompt", "send a prompt to a group and follow the answer"),
  repositories: ofStudio("repositories", "connect, check and sync repositories"),
  environments: ofStudio("environments", "show and prepare what a repository needs for its tasks"),
  groups: ofStudio("groups", "list and show groups of agents"),
  schedules: ofStudio("schedules", "list, add, run, pause and delete schedules of prompts"),
  tasks: ofStudio("tasks", "list, show, stop, apply, archive and delete tasks, and their sessions"),
  queue: ofStudio("queue", "list, edit, move and remove prompts that wait"),
  views: ofStudio("views", "save views of the list of tasks"),
  review: ofStudio("review", "comment on the changes of a task, send the review, revert files"),
  checks: ofStudio("checks", "show and run the checks of a task"),
  publish: ofStudio("publish", "publish a task as a pull request"),
  pulls: ofStudio("pulls", "list and show pull requests; merge that of a task"),
  accounts: ofStudio("accounts", "link accounts of people at forges, for requested reviews and mentions"),
  inbox: ofStudio("inbox", "list what needs you, of all tasks"),
  notifications: ofStudio("notifications", "choose, pause and test what reaches you outside the Studio"),
  approvals: ofStudio("approvals", "list and answer questions that wait for you"),
  usage: ofStudio("usage", "show what was used by whom, and what it cost"),
  prices: ofStudio("prices", "list and set the prices of models"),
  budgets: ofStudio("budgets", "list and set budgets"),
  billing: ofStudio("billing", "plan, seats and invoices, where plans are sold"),
  actors: {
    summary: "list, inspect, call and destroy actors",
    load: async () => {
      const { actorsUsage: usage, actorsCommand: run } = await import("./actors.ts");
      return { usage, run };
    },
  },
  cluster: {
    summary: "show the nodes of a cluster, and drain one",
    load: async () => {
      const { clusterUsage: usage, clusterCommand: run } = await import("./cluster.ts");
      return { usage, run };
    },
  },
  top: {
    summary: "show what servers do: calls, durations, errors, queues, memory",
    load: async () => {
      const { topUsage: usage, topCommand: run } = await import("./top/command.ts");
      return { usage, run };
    },
  },
  profile: {
    summary: "save a profile of CPU time or memory of a server",
    load: async () => {
      const { profileUsage: usage, profileCommand: run } = await import("./profile.ts");
      return { usage, run };
    },
  },
  migrate: {
    summary: "copy the actors of a data directory to PostgreSQL",
    load: async () => {
      const { migrateUsage: usage, migrateCommand: run } = await import("./migrate.ts");
      return { usage, run };
    },
  },
  generate: {
    summary: "write a client for actors in Python or Go",
    load: async () => {
      const { generateUsage: usage, generateCommand: run } = await import("./generate.ts");
      return { usage, run };
    },
  },
  mcp: {
    summary: "serve MCP, so that an agent can inspect actors, or use the Studio",
    load: async () => {
      const { mcpUsage: usage, mcpCommand } = await import("./mcp.ts");
      const run = async (args: readonly string[]): Promise<number> => {
        const [what, ...rest] = args;
        return what === "studio" ? (await loadStudioCommand("mcp")).run(rest) : mcpCommand(args);
      };
      return { usage, run };
    },
  },
  connections: ofStudio("connections", "check what the Studio depends on: models, jails, store, mail"),
  agents: ofStudio("agents", "list and install coding agents"),
  sandbox: ofStudio("sandbox", "run and use a sandbox server"),
  sandboxes: ofStudio("sandboxes", "same as sandbox"),
  sessions: ofStudio("sessions", "same as sandbox sessions"),
  plugin: ofStudio("plugin", "create, check, test and list plugins of the gate"),
  auth: ofStudio("auth", "manage model credentials"),
  secrets: ofStudio("secrets", "manage secrets of the vault"),
  grants: ofStudio("grants", "decide who may use a secret, and where"),
  audit: ofStudio("audit", "verify, query and export the audit log"),
  egress: ofStudio("egress", "explain what may leave a jail; show budgets"),
  policy: ofStudio("policy", "check, explain and try the policy of tool calls"),
  doctor: ofStudio("doctor", "check what this machine can run, and how to fix what it cannot"),
  url: ofStudio("url", "print a new link to the running Studio"),
  backup: ofStudio("backup", "copy a live data directory"),
  organizations: ofStudio("organizations", "create, list, hand over and delete organizations"),
  people: ofStudio("people", "list, invite, change and remove people of a Studio with accounts"),
  invite: ofStudio("invite", "same as people invite"),
  tokens: ofStudio("tokens", "manage API tokens of people"),
  "sign-in": ofStudio("sign-in", "set up and check accounts elsewhere that people sign in with"),
  login: ofStudio("login", "act as a person at a Studio, here or elsewhere"),
  whoami: ofStudio("whoami", "print as whom commands act"),
  logout: ofStudio("logout", "act as the operator again"),
  restore: ofStudio("restore", "create a data directory from a backup"),
  complete: {
    summary: "print a completion script for bash, zsh or fish",
    load: async () => {
      const { completionUsage: usage, completionCommand } = await import("./completion/command.ts");
      return { usage, run: (args) => completionCommand(args, completable) };
    },
  },
};

function ofStudio(name: string, summary: string): StudioEntry {
  return { summary, load: () => loadStudioCommand(name), studioName: name };
}

/** A command of the Studio, which may have to be installed before it can be loaded. */
interface StudioEntry extends CommandEntry {
  readonly studioName: string;
}

/** The same commands for completion, which must never ask whether to install something. */
const completable = Object.fromEntries(
  Object.entries(commands).map(([name, entry]): [string, CommandEntry] => {
    if (!("studioName" in entry)) return [name, entry];
    const load = async (): Promise<Command> =>
      (await loadInstalledStudioCommand(name)) ?? { usage: "", run: async () => 1 };
    return [name, { summary: entry.summary, load }];
  }),
);

function overview(): string {
  const width = Math.max(...Object.keys(commands).map(({ length }) => length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
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
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    const meant = didYouMean(name, Object.keys(commands));
    process.stderr.write(`There is no command "${name}".${meant}\n\n${overview()}\n`);
    return 2;
  }
  let command: Command | undefined;
  try {
    command = await entry.load();
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
    // A bug: one sentence, and the stack with HOLDFAST_LOG_LEVEL=debug.
    const verbose = process.env["HOLDFAST_LOG_LEVEL"] === "debug" && error instanceof Error;
    const text = harmless(`${verbose ? error.stack : error}`);
    process.stderr.write(`${text} (internal.internal_error)\n`);
    return 1;
  }
}

endWithOutput();
process.exitCode = await main(process.argv.slice(2));
