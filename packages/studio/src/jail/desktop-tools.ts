import type { Gate } from "@holdfast/gate";
import { desktopToolNames, missingDesktopPrograms } from "@holdfast/sandbox";
import type { GroupSettings } from "../groups/group-settings.ts";

/**
 * Tools of the desktop in an agent's jail that the agent is offered: those that the group allows, or all without a list.
 * None where the programs are missing: jails have the host's, except the machines of `apple-container`.
 */
export function offeredDesktopTools(gate: Gate, group: GroupSettings | undefined): readonly string[] {
  const { name } = gate.jails.driver;
  const path = name === "none" ? process.env.PATH : "/usr/local/bin:/usr/bin:/bin";
  const hasPrograms = name !== "apple-container" && missingDesktopPrograms(path).length === 0;
  return hasPrograms ? allowedTools(desktopToolNames, group?.tools) : [];
}

/** The names that one of the patterns of `groups.json` matches: letters, digits, underscores, `*` and `?`. */
export function allowedTools(
  names: readonly string[],
  patterns: readonly string[] | undefined,
): readonly string[] {
  if (patterns === undefined) return names;
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${pattern.replace(/\*+/g, ".*").replaceAll("?", ".")}$`),
  );
  return names.filter((name) => expressions.some((each) => each.test(name)));
}
