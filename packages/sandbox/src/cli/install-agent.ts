import { constants, homedir } from "node:os";
import { join } from "node:path";
import { noArguments, oneArgument, parseStrict, UsageError } from "@holdfast/cli";
import { type InstalledAgent, installAgent } from "../agents/install.ts";
import { sandboxAgents } from "../agents/table.ts";
import { print } from "./output.ts";

export const installAgentUsage = `holdfast sandbox install-agent AGENT | --all

  installs pinned packages from the npm registry, with their hashes checked, without a server
      --all                      every agent that can be installed
  -r, --reinstall                although it is there
      --agent-version V          another version of the agent's own program
      --agent-process-version V  another version of its ACP process
      --agents-directory DIR     where to (default: ~/.local/share/holdfast/agents)
      --json                     machine-readable output`;

export async function installAgentCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, {
    all: { type: "boolean" },
    reinstall: { type: "boolean", short: "r" },
    "agent-version": { type: "string" },
    "agent-process-version": { type: "string" },
    "agents-directory": { type: "string" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help === true) {
    process.stdout.write(`${installAgentUsage}\n`);
    return 0;
  }
  const agentVersion = values["agent-version"];
  const agentProcessVersion = values["agent-process-version"];
  if (values.all === true) {
    noArguments(positionals);
    if (agentVersion !== undefined || agentProcessVersion !== undefined) {
      throw new UsageError("a version is one of a single agent");
    }
  }
  const rows = sandboxAgents().filter((row) => Object.keys(row.packages).length > 0);
  const ids = values.all === true ? rows.map((row) => row.id) : [oneArgument(positionals, "The agent")];
  const home = process.env["HOME"] ?? homedir();
  const directory = values["agents-directory"] ?? join(home, ".local/share/holdfast/agents");
  const installed: InstalledAgent[] = [];
  const interruption = new Interruption();
  try {
    for (const id of ids) {
      const options = {
        reinstall: values.reinstall === true,
        ...(agentVersion === undefined ? {} : { agentVersion }),
        ...(agentProcessVersion === undefined ? {} : { agentProcessVersion }),
        signal: interruption.signal,
      };
      installed.push(await installAgent(id, directory, options));
    }
  } catch (error) {
    if (interruption.exitCode === undefined) throw error;
    process.stderr.write("Interrupted: nothing of what was being installed is left\n");
    return interruption.exitCode;
  } finally {
    interruption.end();
  }
  const answer = installed.map((each) => ({
    id: each.id,
    already_installed: each.alreadyInstalled,
    artifacts: each.artifacts,
  }));
  print(values.json === true, values.all === true ? answer : answer[0], () =>
    installed.map(
      ({ id, alreadyInstalled }) => `${id} ${alreadyInstalled ? "was installed already" : "is installed"}`,
    ),
  );
  return 0;
}

/** Ctrl-C, SIGTERM, or the end of the terminal, before what is installed is there: an install gives up and takes away what it has made. */
class Interruption {
  readonly #abort = new AbortController();
  readonly #take = (name: NodeJS.Signals) => {
    this.exitCode ??= 128 + constants.signals[name];
    this.#abort.abort();
  };
  /** The exit code of one that was interrupted. */
  exitCode: number | undefined;

  constructor() {
    process.on("SIGINT", this.#take);
    process.on("SIGTERM", this.#take);
    process.on("SIGHUP", this.#take);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  end(): void {
    process.off("SIGINT", this.#take);
    process.off("SIGTERM", this.#take);
    process.off("SIGHUP", this.#take);
  }
}
