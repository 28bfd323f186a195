import { harmless, jsonLine, noArguments, oneArgument, parse, verbOf } from "@holdfast/cli";
import type { GroupEventView, GroupView } from "@holdfast/studio";
import { withOwnerAccess } from "../server/owner.ts";

export const groupsUsage = `holdfast groups list | show NAME

  list        lists the groups of groups.json, with the number of waiting events
  show NAME   shows the newest events of a group: their source, state and task
  --data DIR  data directory (default: HOLDFAST_DATA or .holdfast)
  --json      machine-readable output`;

export async function groupsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  const [given, ...rest] = positionals;
  if (values.help === true) {
    console.log(groupsUsage);
    return 0;
  }
  const verb = verbOf("groups", ["list", "show"], given);
  if (verb === "list") noArguments(rest);
  const name = verb === "show" ? oneArgument(rest, "The group's name") : undefined;
  const json = values.json === true;
  return withOwnerAccess(values, async (owner) => {
    if (name !== undefined) {
      show(await owner.client.group(name).get(), json);
      return 0;
    }
    const groups = await owner.client.organization.listGroups();
    for (const group of groups) list(group, json);
    if (groups.length === 0 && !json) console.log("There are no groups. Define them in groups.json.");
    return 0;
  });
}

function list({ events, ...group }: GroupView, json: boolean): void {
  if (json) {
    console.log(jsonLine(group));
    return;
  }
  const { name, agent, session, waiting, running, description } = group;
  const work = running === undefined ? "idle" : `event ${running}`;
  console.log(
    `${name.padEnd(16)} ${agent.padEnd(10)} ${session.padEnd(8)} ${work.padEnd(10)} ${waiting} waiting  ${harmless(description)}`,
  );
}

function show({ events }: GroupView, json: boolean): void {
  for (const event of [...events].reverse()) console.log(json ? jsonLine(event) : eventText(event));
}

/** Formats an event for a terminal. A second line shows why it failed to start, and when it is retried. */
export function eventText(event: GroupEventView): string {
  const { seq, state, source, topic, title, taskId, tainted, error, retryAt } = event;
  const from = `${topic} ${source}${tainted ? " (untrusted)" : ""}`;
  const line = `${seq}  ${state.padEnd(9)}  ${from}  ${taskId ?? "-"}  ${harmless(title)}`;
  if (error === undefined) return line;
  const retry = retryAt === undefined ? "" : `; next attempt at ${new Date(retryAt).toISOString()}`;
  return `${line}\n   ${harmless(error.message)} (${error.group}.${error.code})${retry}`;
}
