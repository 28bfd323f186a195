import { join } from "node:path";
import { agentTable, findAgent, installAgent } from "@holdfast/sandbox";
import { oneArgument, parse, UsageError, verbOf } from "./arguments.ts";
import { dataDirectoryOf } from "./data-directory.ts";

export const agentsUsage = `holdfast agents list | install NAME [--reinstall]

  list             the agents that Holdfast knows, and which of them are installed
  install NAME     installs an agent's pinned packages from the npm registry
  --data DIR       data directory (default: HOLDFAST_DATA or .holdfast)
  --json           machine-readable output`;

export async function agentsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { reinstall: { type: "boolean" } });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    console.log(agentsUsage);
    return 0;
  }
  const directory = join(dataDirectoryOf(values.data), "agents");
  switch (verbOf("agents", ["list", "install"], verb)) {
    case "list":
      return list(directory, values.json === true);
    case "install":
      return install(
        oneArgument(rest, "The agent's name"),
        directory,
        values.reinstall === true,
        values.json === true,
      );
  }
}

async function list(directory: string, json: boolean): Promise<number> {
  const agents = await Promise.all(
    agentTable.map(async (row) => {
      const location = await findAgent(row, { agentsDirectory: directory });
      return { id: row.id, name: row.name, installed: location !== undefined, packages: row.packages };
    }),
  );
  if (json) {
    console.log(JSON.stringify(agents));
    return 0;
  }
  for (const agent of agents) {
    const state = agent.installed ? "installed" : `npx holdfast agents install ${agent.id}`;
    console.log(`${agent.id.padEnd(10)} ${agent.name.padEnd(16)} ${state}`);
  }
  return 0;
}

async function install(id: string, directory: string, reinstall: boolean, json: boolean): Promise<number> {
  if (!agentTable.some((row) => row.id === id)) {
    throw new UsageError(
      `There is no agent "${id}"; there are: ${agentTable.map((row) => row.id).join(", ")}`,
    );
  }
  const installed = await installAgent(id, directory, { reinstall });
  if (json) console.log(JSON.stringify(installed));
  else
    console.log(
      `${id} ${installed.version ?? ""} ${installed.alreadyInstalled ? "was already installed" : "is installed"}`.replaceAll(
        "  ",
        " ",
      ),
    );
  return 0;
}
