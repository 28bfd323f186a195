import type { Tool } from "../broker/tool.ts";
import type { PluginFolder } from "./manifest/plugin-folder.ts";
import { pluginLimits } from "./plugin-limits.ts";

/**
 * Version of a plugin's tools, with a hash of its code, risks, egress and settings: an approval is valid for
 * exactly what a person approved, not for anything that carries the same version number.
 */
export function toolVersion({ manifest, identity }: PluginFolder): string {
  return `${manifest.version}+${identity.slice(0, 12)}`;
}

/** The tools of a plugin, as the broker lists them. */
export function toolsOf(folder: PluginFolder): Tool[] {
  const { name, manifest, source } = folder;
  return manifest.provides.tools.map((tool) => ({
    name: tool.name,
    description: tool.description,
    plugin: name,
    pluginVersion: toolVersion(folder),
    riskLevel: tool.risk_level,
    isBuiltIn: source === "built-in",
    argumentsSchema: { ...tool.arguments_schema },
    ...(tool.output_schema === undefined ? {} : { outputSchema: tool.output_schema }),
    ...(tool.untrusted === true ? { untrusted: true } : {}),
    timeoutMs: tool.timeout_ms ?? manifest.timeout_ms ?? pluginLimits.defaultTimeoutMs,
    ...(manifest.allowed_groups === undefined ? {} : { allowedGroups: manifest.allowed_groups }),
  }));
}
