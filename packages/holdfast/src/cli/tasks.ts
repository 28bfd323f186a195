import type { StudioClient } from "@holdfast/studio";
import { oneArgument, parse, UsageError } from "./arguments.ts";
import { dataDirectoryOf } from "./data-directory.ts";
import { cliLogger } from "./log.ts";
import { openAsOwner } from "./owner.ts";
import { EventPrinter, harmless, printDiff, screenOf } from "./terminal.ts";

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
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    console.log(tasksUsage);
    return 0;
  }
  if (!["list", "show", "stop", "diff", "apply"].includes(verb ?? "")) {
    throw new UsageError(
      verb === undefined ? "list, show, stop, diff or apply is missing" : `There is no "tasks ${verb}"`,
    );
  }
  const id = verb === "list" ? "" : oneArgument(rest, "The task's id");
  const json = values.json === true;
  const owner = await openAsOwner({
    dataDirectory: dataDirectoryOf(values.data),
    unsafeNoJail: false,
    log: cliLogger("warn"),
  });
  try {
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
        if (json) console.log(JSON.stringify(diff));
        else printDiff(screenOf(process.stdout), diff);
        break;
      }
      default: {
        const applied = await owner.client
          .task(id)
          .apply(values.branch === undefined ? {} : { branch: values.branch });
        console.log(
          json
            ? JSON.stringify(applied)
            : `Applied to branch ${applied.branch} (${applied.commit.slice(0, 12)})`,
        );
      }
    }
    return 0;
  } finally {
    await owner.close();
  }
}

async function list(client: StudioClient, json: boolean): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await client.organization.listTasks(cursor === undefined ? {} : { cursor });
    for (const task of page.tasks) {
      if (json) console.log(JSON.stringify(task));
      else
        console.log(`${task.id}  ${task.status.padEnd(9)}  ${task.agent.padEnd(8)}  ${harmless(task.title)}`);
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}

async function show(client: StudioClient, id: string, json: boolean): Promise<void> {
  const view = await client.task(id).get();
  if (json) console.log(JSON.stringify(view));
  const printer = new EventPrinter(screenOf(process.stdout));
  let after = 0;
  for (;;) {
    const page = await client.session(view.sessionId).events({ after });
    for (const event of page.events) {
      after = event.seq;
      if (json) console.log(JSON.stringify(event));
      else printer.print(event);
    }
    if (page.events.length === 0 || after >= page.head) break;
  }
  printer.flush();
}
