import type { Tool } from "../../broker/tool.ts";
import { pluginLimits } from "../plugin-limits.ts";

const version = "1.0.0";

const name = { type: "string", description: "The plugin's name", maxLength: 40 } as const;

function tool(
  toolName: string,
  description: string,
  riskLevel: "low" | "high",
  properties: Readonly<Record<string, unknown>>,
  required: readonly string[] = [],
): Tool {
  return {
    name: toolName,
    description,
    plugin: "installer",
    pluginVersion: version,
    riskLevel,
    isBuiltIn: true,
    argumentsSchema: { type: "object", additionalProperties: false, properties, required },
    timeoutMs: 3 * pluginLimits.drainMs,
  };
}

export const installerTools: readonly Tool[] = [
  tool(
    "plugin_install",
    "Fetches a plugin from a git repository, checks it and loads it",
    "high",
    { url: { type: "string", description: "https:// or git@ address", maxLength: 2_048 }, name },
    ["url"],
  ),
  tool("plugin_verify", "Checks whether a plugin has its credentials and works", "low", { name }, ["name"]),
  tool("plugin_list", "Lists the installed plugins", "low", { include_builtin: { type: "boolean" } }),
  tool(
    "plugin_remove",
    "Removes an installed plugin",
    "high",
    { name, remove_credentials: { type: "boolean" } },
    ["name"],
  ),
  tool(
    "plugin_update",
    "Fetches a plugin again. A version that requests more access than before is refused unless its digest is accepted",
    "high",
    { name, accept: { type: "string", description: "Digest of the version to accept", maxLength: 80 } },
    ["name"],
  ),
  tool(
    "plugin_configure",
    "Sets one value of a plugin's configuration; never a credential",
    "low",
    { name, key: { type: "string", maxLength: 100 }, value: { type: "string", maxLength: 8_192 } },
    ["name", "key", "value"],
  ),
];
