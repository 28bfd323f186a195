import { noArguments, oneArgument, parseStrict, UsageError } from "@holdfast/cli";
import { isRecord } from "../http/problem.ts";
import { ApiClient, apiOptions, apiUsage } from "./api-client.ts";
import { print, table } from "./output.ts";

export const apiAgentsUsage = `holdfast sandbox api agents list | report | install AGENT

  list                            lists the agents and whether they are installed
  report                          also prints versions, paths, models and modes
  install AGENT                   installs an agent in the sandbox of the server
  -r, --reinstall                 reinstalls an installed agent
  --agent-version V               version of the agent's program
  --agent-process-version V       version of its ACP process
${apiUsage}`;

export async function apiAgentsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, {
    ...apiOptions,
    reinstall: { type: "boolean", short: "r" },
    "agent-version": { type: "string" },
    "agent-process-version": { type: "string" },
  });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    process.stdout.write(`${apiAgentsUsage}\n`);
    return 0;
  }
  const json = values.json === true;
  switch (verb) {
    case "list": {
      noArguments(rest);
      print(json, await new ApiClient(values).requestJson("GET", "/v1/agents"), (result) =>
        table(agentRows(result).map(line)),
      );
      return 0;
    }
    case "report": {
      noArguments(rest);
      const result = await new ApiClient(values).requestJson("GET", "/v1/agents", {
        query: { config: "true" },
      });
      print(json, result, (value) => agentRows(value).flatMap(report));
      return 0;
    }
    case "install": {
      const id = oneArgument(rest, "The agent");
      const body = {
        reinstall: values.reinstall === true,
        agentVersion: values["agent-version"],
        agentProcessVersion: values["agent-process-version"],
      };
      const path = `/v1/agents/${encodeURIComponent(id)}/install`;
      print(json, await new ApiClient(values).requestJson("POST", path, { body }), (result) => [
        `${id} ${isRecord(result) && result["already_installed"] === true ? "was already installed" : "is installed"}`,
      ]);
      return 0;
    }
    default:
      throw new UsageError(
        verb === undefined ? "list, report or install is missing" : `There is no "api agents ${verb}"`,
      );
  }
}

function agentRows(result: unknown): readonly Record<string, unknown>[] {
  const list = isRecord(result) ? result["agents"] : undefined;
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

function line(agent: Record<string, unknown>): readonly string[] {
  return [
    String(agent["id"]),
    agent["installed"] === true ? "installed" : "not installed",
    agent["credentialsAvailable"] === true ? "" : "no credential",
  ];
}

function report(agent: Record<string, unknown>): readonly string[] {
  const { version, path, configOptions, configError, serverStatus } = agent;
  const lines = [`${line(agent).join("  ").trimEnd()}${version === undefined ? "" : `  ${String(version)}`}`];
  if (path !== undefined) lines.push(`  path: ${String(path)}`);
  if (isRecord(serverStatus)) lines.push(`  process: ${String(serverStatus["status"])}`);
  for (const option of Array.isArray(configOptions) ? configOptions.filter(isRecord) : []) {
    const values = Array.isArray(option["options"]) ? option["options"].filter(isRecord) : [];
    lines.push(`  ${String(option["category"])}: ${values.map((each) => String(each["value"])).join(", ")}`);
  }
  if (configError !== undefined) lines.push(`  error: ${String(configError)}`);
  return lines;
}
