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
  if (!hasPrograms) return [];
  const patterns = group?.tools?.map(patternOf);
  return desktopToolNames.filter(
    (tool) => patterns === undefined || patterns.some((each) => each.test(tool)),
  );
}

/** A pattern of `groups.json`: letters, digits, underscores, `*` and `?`. */
function patternOf(text: string): RegExp {
  return new RegExp(`^${text.replace(/\*+/g, ".*").replaceAll("?", ".")}$`);
}
