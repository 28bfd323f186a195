/** `holdfast tasks`: lists, shows, stops and applies tasks. */
import {
  harmless,
  jsonLine,
  noArguments,
  oneArgument,
  parse,
  screenOf,
  UsageError,
  verbOf,
} from "@holdfast/cli";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import type { StudioClient, TaskView } from "@holdfast/studio";
import { isBusy, statusLabel } from "../../task-status.ts";
import { withOwnerAccess } from "../server/owner.ts";
import { EventPrinter, printDiff } from "./event-printer.ts";
import { pullRequestText } from "./pull-request-text.ts";

export const tasksUsage = `holdfast tasks list | show ID | stop ID | diff ID | apply ID [--branch NAME]

  list        lists all tasks, newest first
  show ID     prints the log of a task, and names its pull request
  stop ID     stops its agent
  diff ID     prints its changes since the commit that it started from
  apply ID    applies its changes to a new branch of the repository
  --data DIR  data directory (default: HOLDFAST_DATA or .holdfast)
  --json      machine-readable output`;

export async function tasksCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { branch: { type: "string" } });
  const [given, ...rest] = positionals;
  if (values.help === true) {
    console.log(tasksUsage);
    return 0;
  }
  const verb = verbOf("tasks", ["list", "show", "stop", "diff", "apply"], given);
  if (verb === "list") noArguments(rest);
  const id = verb === "list" ? "" : oneArgument(rest, "The task's id");
  if (values.branch !== undefined && verb !== "apply") throw new UsageError("--branch is only for apply");
  const json = values.json === true;
  // A stopped task is resumed first, so that its log records the end.
  const runTasks = verb === "stop" ? { task: id } : false;
  return withOwnerAccess({ data: values.data, runTasks }, async (owner) => {
    if (verb === "list") {
      await list(owner.client, json);
      return 0;
    }
    const view = await findTask(owner.client, id);
    switch (verb) {
      case "show":
        await show(owner.client, view, json);
        break;
      case "stop":
        await stop(owner.client, view, json);
        break;
      case "diff": {
        const diff = await owner.client.task(id).diff();
        if (json) console.log(jsonLine(diff));
        else printDiff(screenOf(process.stdout), diff);
        break;
      }
      case "apply": {
        const applied = await owner.client
          .task(id)
          .apply(values.branch === undefined ? {} : { branch: values.branch });
        console.log(
          json ? jsonLine(applied) : `Applied to branch ${applied.branch} (${applied.commit.slice(0, 12)})`,
        );
      }
    }
    return 0;
  });
}

/** Throws `task.not_found`. */
export async function findTask(client: StudioClient, id: string): Promise<TaskView> {
  try {
    return await client.task(id).get();
  } catch (error) {
    if (!isErrorCode(error, "actor", "not_found")) throw error;
    throw new HoldfastError(
      "task",
      "not_found",
      `There is no task ${id}. List all tasks with: holdfast tasks list`,
    );
  }
}

async function list(client: StudioClient, json: boolean): Promise<void> {
  let cursor: string | undefined;
  let isEmpty = true;
  do {
    const page = await client.organization.listTasks(cursor === undefined ? {} : { cursor });
    for (const task of page.tasks) {
      isEmpty = false;
      if (json) console.log(jsonLine(task));
      else
        console.log(
          `${task.id}  ${statusLabel(task.status).padEnd(9)}  ${task.agent.padEnd(8)}  ${harmless(task.title)}`,
        );
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  if (isEmpty && !json) console.log("There are no tasks yet.");
}

async function stop(client: StudioClient, before: TaskView, json: boolean): Promise<void> {
  await client.task(before.id).stop();
  const { id, status } = await client.task(before.id).get();
  const worked = isBusy(before.status);
  if (json) console.log(jsonLine({ id, status, stopped: worked }));
  else console.log(worked ? "Stopped." : `No agent was working. Status of the task: ${statusLabel(status)}.`);
}

async function show(client: StudioClient, view: TaskView, json: boolean): Promise<void> {
  if (json) console.log(jsonLine(view));
  const printer = new EventPrinter(screenOf(process.stdout));
  let after = 0;
  for (;;) {
    const page = await client.session(view.sessionId).events({ after });
    for (const event of page.events) {
      after = event.seq;
      if (json) console.log(jsonLine(event));
      else printer.print(event);
    }
    if (page.events.length === 0 || after >= page.head) break;
  }
  printer.flush();
  if (view.pullRequest !== undefined && !json) console.log(pullRequestText(view.pullRequest));
}
