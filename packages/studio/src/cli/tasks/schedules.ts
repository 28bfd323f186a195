/** `holdfast schedules`: prompts that start tasks at given times. */
import { resolve } from "node:path";
import { harmless, jsonLine, noArguments, oneArgument, parse, UsageError, verbOf } from "@holdfast/cli";
import type { ScheduleEvent, ScheduleInput, ScheduleView } from "@holdfast/studio";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";

export const schedulesUsage = `holdfast schedules list | add PROMPT | run ID | pause ID | resume ID | delete ID

  list               lists the schedules with their next time and their last run
  add PROMPT         creates a schedule
    --name NAME      what it is called
    --cron TIMES     five fields, such as "0 9 * * 1-5"
    --on EVENT       instead of --cron: checks-failed, pull-request-opened, review-requested,
                     labelled:LABEL or mentioned:NAME, in a connected repository with a webhook
    --timezone ZONE  of these times (default: that of this machine)
    --repository R   folder, id of a connected repository, or sample
    --branch NAME    branch of a connected repository
    --agent AGENT    one of holdfast agents list
  run ID             starts its task now
  pause ID           leaves out its times until it is resumed
  resume ID          continues with the next time
  delete ID          deletes it; its tasks stay
  --organization ID  an organization besides the first one, by its id or name
  --data DIR         data directory (default: HOLDFAST_DATA or .holdfast)
  --json             machine-readable output`;

const verbs = ["list", "add", "run", "pause", "resume", "delete"] as const;

export async function schedulesCommand(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const options = {
    on: text,
    name: text,
    cron: text,
    timezone: text,
    repository: text,
    branch: text,
    agent: text,
  };
  const { values, positionals } = parse(args, { ...organizationOption, ...options });
  if (values.help === true) {
    console.log(schedulesUsage);
    return 0;
  }
  const [given, ...rest] = positionals;
  const verb = verbOf("schedules", verbs, given);
  if (verb === "list") noArguments(rest);
  const argument =
    verb === "list" ? "" : oneArgument(rest, verb === "add" ? "The prompt" : "The schedule's id");
  const input = verb === "add" ? inputOf(values, argument) : undefined;
  const json = values.json === true;
  const print = (schedule: ScheduleView) => console.log(json ? jsonLine(schedule) : lineOf(schedule));
  return withOwnerAccess(
    { data: values.data, organization: values.organization, runTasks: false },
    async ({ client: { schedules } }) => {
      switch (verb) {
        case "list": {
          const all = await schedules.list();
          for (const schedule of all) print(schedule);
          if (all.length === 0 && !json)
            console.log("There are no schedules. Create one with holdfast schedules add.");
          return 0;
        }
        case "add":
          if (input !== undefined) print(await schedules.save(input));
          return 0;
        case "run": {
          const run = await schedules.run(argument);
          const { taskId, error } = run;
          console.log(json ? jsonLine(run) : (taskId ?? `Failed: ${harmless(error?.message ?? "")}`));
          return error === undefined ? 0 : 1;
        }
        case "pause":
        case "resume":
          print(await schedules.pause(argument, verb === "pause"));
          return 0;
        case "delete":
          await schedules.remove(argument);
          return 0;
      }
    },
  );
}

type Given = Readonly<Partial<Record<Exclude<keyof ScheduleInput, "id" | "prompt">, string | undefined>>>;

/** Throws a usage error. What is not an event is said by the server. */
function eventOf(text: string): ScheduleEvent {
  const [type = "", ...rest] = text.split(":");
  const about = rest.join(":");
  if (type === "labelled") return { type, label: about };
  if (type === "mentioned") return { type, name: about };
  if (type === "checks-failed" || type === "pull-request-opened" || type === "review-requested")
    return { type };
  throw new UsageError(`--on is no event: ${text}`);
}

function inputOf(
  { name, cron, timezone, repository, branch, agent, on }: Given,
  prompt: string,
): ScheduleInput {
  if ((cron === undefined) === (on === undefined)) throw new UsageError("add needs --cron or --on");
  if (name === undefined || repository === undefined || agent === undefined)
    throw new UsageError("add needs --name, --repository and --agent");
  const isPath = /^[./~]/.test(repository);
  return {
    ...(on === undefined ? {} : { on: eventOf(on) }),
    ...{ name, cron: cron ?? "", agent, prompt, repository: isPath ? resolve(repository) : repository },
    timezone: timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...(branch === undefined ? {} : { branch }),
  };
}

function lineOf({ id, name, cron, timezone, isPaused, nextAt, runs, on }: ScheduleView): string {
  const [next] = nextAt;
  const [last] = runs;
  const when = isPaused ? "paused" : next === undefined ? "on an event" : new Date(next).toISOString();
  const outcome =
    last === undefined ? "-" : (last.taskId ?? `failed: ${harmless(last.error?.message ?? "")}`);
  return `${id}  ${when.padEnd(24)}  ${harmless(on === undefined ? `${cron} ${timezone}` : Object.values(on).join(":"))}  ${harmless(name)}  ${outcome}`;
}
