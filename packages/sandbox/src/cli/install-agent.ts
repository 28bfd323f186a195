import { constants, homedir } from "node:os";
import { join } from "node:path";
import { noArguments, oneArgument, parseStrict, UsageError } from "@holdfast/cli";
import { type InstalledAgent, installAgent } from "../agents/install.ts";
import { sandboxAgents } from "../agents/table.ts";
import { print } from "./output.ts";

export const installAgentUsage = `holdfast sandbox install-agent AGENT | --all

  Installs pinned packages from the npm registry and verifies their hashes. Needs no server.
      --all                      installs every agent that can be installed
  -r, --reinstall                reinstalls an installed agent
      --agent-version V          version of the agent's program
      --agent-process-version V  version of its ACP process
      --agents-directory DIR     target directory (default: ~/.local/share/holdfast/agents)
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
      throw new UsageError(
        "A version applies to a single agent: pass --agent-version or --agent-process-version without --all.",
      );
    }
  }
  const rows = sandboxAgents().filter((row) => Object.keys(row.packages).length > 0);
  const ids = values.all === true ? rows.map((row) => row.id) : [oneArgument(positionals, "The agent")];
  const home = process.env["HOME"] ?? homedir();
  const directory = values["agents-directory"] ?? join(home, ".local/share/holdfast/agents");
  const installed: InstalledAgent[] = [];
  const interrupt = new InterruptHandler();
  try {
    for (const id of ids) {
      const options = {
        reinstall: values.reinstall === true,
        ...(agentVersion === undefined ? {} : { agentVersion }),
        ...(agentProcessVersion === undefined ? {} : { agentProcessVersion }),
        signal: interrupt.signal,
      };
      installed.push(await installAgent(id, directory, options));
    }
  } catch (error) {
    if (interrupt.exitCode === undefined) throw error;
    process.stderr.write("Interrupted. The incomplete installation was removed.\n");
    return interrupt.exitCode;
  } finally {
    interrupt.dispose();
  }
  const output = installed.map((each) => ({
    id: each.id,
    already_installed: each.alreadyInstalled,
    artifacts: each.artifacts,
  }));
  print(values.json === true, values.all === true ? output : output[0], () =>
    installed.map(
      ({ id, alreadyInstalled }) => `${id} ${alreadyInstalled ? "was already installed" : "is installed"}`,
    ),
  );
  return 0;
}

/** Aborts an installation on SIGINT, SIGTERM or SIGHUP. The installer then removes its incomplete files. */
class InterruptHandler {
  readonly #abort = new AbortController();
  readonly #onSignal = (name: NodeJS.Signals) => {
    this.exitCode ??= 128 + constants.signals[name];
    this.#abort.abort();
  };
  /** Exit code after a signal (128 + its number); undefined without one. */
  exitCode: number | undefined;

  constructor() {
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
    process.on("SIGHUP", this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  dispose(): void {
    process.off("SIGINT", this.#onSignal);
    process.off("SIGTERM", this.#onSignal);
    process.off("SIGHUP", this.#onSignal);
  }
}
