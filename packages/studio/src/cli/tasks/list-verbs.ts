import { createInterface } from "node:readline/promises";
import { harmless, jsonLine, UsageError } from "@holdfast/cli";
import type { StudioClient, TaskFilter, TaskGrouping, TaskOutcome, TaskSummary } from "@holdfast/studio";
import { statusLabel } from "../../task-status.ts";
import { type Verbs, verb } from "../verbs/verb.ts";
import { filterOf, filterOptions, groupOf, groupOption, wordsOf } from "./filter-options.ts";
import { findTask } from "./find-task.ts";
import { findOwners } from "./owners/find-owners.ts";
import { findView } from "./views.ts";

/** Verbs of `holdfast tasks` that read the list. */
export const listingVerbs: Verbs = {
  list: verb({
    description: "lists tasks, newest first",
    options: {
      ...filterOptions,
      ...groupOption,
      view: { type: "string", value: "NAME", description: "as a saved view selects them" },
    },
    check: (_args, values) => {
      filterOf(values);
      groupOf(values.group);
    },
    async run({ client, values, json }) {
      const view = values.view === undefined ? undefined : await findView(client, values.view);
      const given = groupOf(values.group);
      const group = given.group === undefined && view?.group !== undefined ? { group: view.group } : given;
      const owners = await findOwners(client, values.owner, values.archived === true);
      await list(client, { ...view?.filter, ...filterOf(values), ...owners, ...group }, json);
    },
  }),
  count: verb({
    description: "counts tasks by status, repository, agent, owner and label",
    options: filterOptions,
    check: (_args, values) => void filterOf(values),
    async run({ client, values, print }) {
      const of = await findOwners(client, values.owner, values.archived === true);
      const counts = await client.organization.countTasks({ ...filterOf(values), ...of });
      const { total, unread, statuses, repositories, agents, labels } = counts;
      const owners = counts.owners.map(({ name, count }) => ({ value: name, count }));
      const rows = [...statuses, ...repositories, ...agents, ...owners, ...labels];
      const lines = rows.map(({ value, count }) => `${String(count).padStart(6)}  ${harmless(value)}`);
      print(counts, [`${total} tasks, ${unread} unread`, ...lines].join("\n"));
    },
  }),
};

/** Verbs of `holdfast tasks` that change the list. */
export const listVerbs: Verbs = {
  archive: verb({
    arguments: "ID...",
    description: "takes tasks out of the list; their files and branches stay",
    run: ({ client, args, json }) =>
      inBatches(args, async (ids) => settled(await client.organization.archiveTasks(ids), "Archived", json)),
  }),
  restore: verb({
    arguments: "ID...",
    description: "takes archived tasks back into the list",
    run: ({ client, args, json }) =>
      inBatches(args, async (ids) => settled(await client.organization.restoreTasks(ids), "Restored", json)),
  }),
  delete: verb({
    arguments: "ID...",
    description: "deletes tasks, their logs and their files for good; branches of repositories stay",
    options: {
      yes: { type: "boolean", description: "does not ask before" },
      "dry-run": { type: "boolean", description: "says what it would free, and deletes nothing" },
    },
    check(_args, values) {
      if (values.yes !== true && values["dry-run"] !== true && !process.stdin.isTTY)
        throw new UsageError("delete cannot be undone. Without a terminal, it needs --yes");
    },
    async run({ client, args, values, print }) {
      const isDry = values["dry-run"] === true;
      for (const id of args) {
        const { title } = await findTask(client, id);
        if (!isDry && values.yes !== true && !(await isWanted(title))) {
          print({ id, deleted: false }, `Kept ${id}`);
          continue;
        }
        const { organization } = client;
        const storage = await (isDry ? organization.taskStorage(id) : organization.deleteTask(id));
        const bytes = storage.filesBytes + storage.transcriptBytes;
        const amount = `${storage.isComplete ? "" : "at least "}${bytes} bytes`;
        const text = isDry ? `${id} would free ${amount}` : `Deleted ${id}, which freed ${amount}`;
        print({ id, deleted: !isDry, storage }, text);
      }
    },
  }),
  mark: verb({
    arguments: "ID...",
    description: "marks tasks as read by you",
    options: { "as-unread": { type: "boolean", description: "marks them as unread" } },
    async run({ client, args, values, print }) {
      const as = values["as-unread"] === true ? "unread" : "read";
      await inBatches(args, async (ids) => {
        await client.organization.markTasks(ids, as);
        for (const id of ids) print({ id, as }, `Marked as ${as}: ${id}`);
        return true;
      });
    },
  }),
  label: verb({
    arguments: "ID [LABEL...]",
    description: "replaces the labels of a task; without any, and without an option, takes them away",
    options: {
      add: {
        type: "string",
        value: "NAMES",
        description: "adds labels, with commas between, and keeps the others",
      },
      remove: { type: "string", value: "NAMES", description: "removes labels, with commas between" },
    },
    check([, ...given], { add, remove }) {
      if (given.length > 0 && (add ?? remove) !== undefined)
        throw new UsageError("Labels without an option replace all others: leave out --add and --remove.");
    },
    async run({ client, args: [id = "", ...given], values: { add, remove }, print }) {
      await findTask(client, id);
      const change = { add: wordsOf(add ?? ""), remove: wordsOf(remove ?? "") };
      const labels = await ((add ?? remove) === undefined
        ? client.task(id).setLabels(given)
        : client.task(id).changeLabels(change));
      print(
        { id, labels },
        labels.length === 0 ? "It has no labels." : `Labels: ${harmless(labels.join(", "))}`,
      );
    },
  }),
  watch: verb({
    arguments: "ID",
    description: "puts news of a task into your inbox",
    run: ({ client, args: [id = ""], print }) => watch(client, id, true, print),
  }),
  unwatch: verb({
    arguments: "ID",
    description: "keeps them out of it",
    run: ({ client, args: [id = ""], print }) => watch(client, id, false, print),
  }),
};

async function list(
  client: StudioClient,
  query: TaskFilter & { readonly group?: TaskGrouping },
  json: boolean,
): Promise<void> {
  let cursor: string | undefined;
  let isEmpty = true;
  do {
    const page = await client.organization.listTasks({
      ...query,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const task of page.tasks) {
      isEmpty = false;
      if (json) console.log(jsonLine(task));
      else
        console.log(
          `${task.id}  ${statusLabel(task.status).padEnd(9)}  ${task.agent.padEnd(8)}  ${harmless(task.title)}${severalText(task)}${labelsText(task)}`,
        );
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  const selects = Object.keys(query).length > 0;
  if (isEmpty && !json) console.log(selects ? "There are no such tasks." : "There are no tasks yet.");
}

function severalText({ attempts, openSessions }: TaskSummary): string {
  if (attempts !== undefined) return `  (${attempts} attempts)`;
  return openSessions === undefined ? "" : `  (${openSessions} sessions)`;
}

function labelsText({ labels = [] }: TaskSummary): string {
  return labels.length === 0 ? "" : `  [${harmless(labels.join(", "))}]`;
}

/** The most ids of one call. */
const batch = 100;

/** The exit code: 1 if `work` failed for a part. */
async function inBatches(
  ids: readonly string[],
  work: (part: readonly string[]) => Promise<boolean>,
): Promise<number> {
  let isDone = true;
  for (let at = 0; at < ids.length; at += batch) {
    if (!(await work(ids.slice(at, at + batch)))) isDone = false;
  }
  return isDone ? 0 : 1;
}

/** Prints outcomes; false if one is a failure. */
function settled(outcomes: readonly TaskOutcome[], done: string, json: boolean): boolean {
  for (const outcome of outcomes) {
    const { taskId, error } = outcome;
    if (json) console.log(jsonLine(outcome));
    else if (error === undefined) console.log(`${done}: ${taskId}`);
    else process.stderr.write(`${taskId}: ${harmless(error.message)} (${error.group}.${error.code})\n`);
  }
  return outcomes.every(({ error }) => error === undefined);
}

async function isWanted(title: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Delete "${harmless(title)}" with its log and files? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

async function watch(
  client: StudioClient,
  id: string,
  isOn: boolean,
  print: (value: unknown, text: string) => void,
): Promise<void> {
  await findTask(client, id);
  await client.task(id).watch(isOn);
  print({ id, watched: isOn }, isOn ? "You get its news." : "You do not get its news any more.");
}
