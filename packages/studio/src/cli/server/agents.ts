import { join } from "node:path";
import {
  dataDirectoryOf,
  didYouMean,
  noArguments,
  oneArgument,
  parse,
  prepareDataDirectory,
  UsageError,
  verbOf,
} from "@holdfast/cli";
import { agentTable, findAgent, installAgent, withoutNodeModulesBins } from "@holdfast/sandbox";
import { commandHint } from "../../command-hint.ts";

export const agentsUsage = `holdfast agents list | install NAME [--reinstall]

  list             lists the supported agents, and which of them are installed, here or on your PATH
  install NAME     installs an agent's pinned packages from the npm registry
  --reinstall      install: replaces an existing installation
  --data DIR       data directory (default: HOLDFAST_DATA or .holdfast)
  --json           machine-readable output`;

export async function agentsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { reinstall: { type: "boolean" } });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    console.log(agentsUsage);
    return 0;
  }
  const dataDirectory = dataDirectoryOf(values.data);
  switch (verbOf("agents", ["list", "install"], verb)) {
    case "list":
      noArguments(rest);
      return list(dataDirectory, values.json === true);
    case "install":
      return install(
        oneArgument(rest, "The agent's name"),
        dataDirectory,
        values.reinstall === true,
        values.json === true,
      );
  }
}

function agentsDirectoryOf(dataDirectory: string): string {
  return join(dataDirectory, "agents");
}

async function list(dataDirectory: string, json: boolean): Promise<number> {
  const path = withoutNodeModulesBins(process.env["PATH"]);
  const agents = await Promise.all(
    agentTable.map(async (row) => {
      const location = await findAgent(row, { agentsDirectory: agentsDirectoryOf(dataDirectory), path });
      return { id: row.id, name: row.name, installed: location !== undefined, packages: row.packages };
    }),
  );
  if (json) {
    console.log(JSON.stringify(agents));
    return 0;
  }
  for (const agent of agents) {
    const state = agent.installed ? "installed" : commandHint(`agents install ${agent.id}`, dataDirectory);
    console.log(`${agent.id.padEnd(10)} ${agent.name.padEnd(16)} ${state}`);
  }
  return 0;
}

async function install(
  id: string,
  dataDirectory: string,
  reinstall: boolean,
  json: boolean,
): Promise<number> {
  if (!agentTable.some((row) => row.id === id)) {
    const ids = agentTable.map((row) => row.id);
    const suggestion = didYouMean(id, ids);
    throw new UsageError(`There is no agent "${id}".${suggestion || ` Agents: ${ids.join(", ")}`}`);
  }
  // This may be the first command in a directory, so prepare the data directory: private, and ignored by git.
  await prepareDataDirectory(dataDirectory);
  const installed = await installAgent(id, agentsDirectoryOf(dataDirectory), { reinstall });
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
