import type { StudioClient } from "@holdfast/studio";
import { oneArgument, parse, verbOf } from "./arguments.ts";
import { asOwner } from "./owner.ts";
import { EventPrinter, harmless, jsonLine, printDiff, screenOf } from "./terminal.ts";

export const tasksUsage = `holdfast tasks list | show ID | stop ID | diff ID | apply ID [--branch NAME]

  list        all tasks, newest first
  show ID     what happened in a task
  stop ID     stops its agent
  diff ID     its changes against the commit that it started from
  apply ID    puts them on a new branch of the repository
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
  const id = verb === "list" ? "" : oneArgument(rest, "The task's id");
  const json = values.json === true;
  return asOwner(values, async (owner) => {
    switch (verb) {
      case "list":
        await list(owner.client, json);
        break;
      case "show":
        await show(owner.client, id, json);
        break;
      case "stop":
        await owner.client.task(id).stop();
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

async function list(client: StudioClient, json: boolean): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await client.organization.listTasks(cursor === undefined ? {} : { cursor });
    for (const task of page.tasks) {
      if (json) console.log(jsonLine(task));
      else
        console.log(`${task.id}  ${task.status.padEnd(9)}  ${task.agent.padEnd(8)}  ${harmless(task.title)}`);
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}

async function show(client: StudioClient, id: string, json: boolean): Promise<void> {
  const view = await client.task(id).get();
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
}
