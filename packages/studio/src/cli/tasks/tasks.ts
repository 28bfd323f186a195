/** `holdfast tasks`: lists, shows, stops and applies tasks, and starts and uses their sessions. */
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
import type { StudioClient, TaskSummary, TaskView } from "@holdfast/studio";
import { isBusy, statusLabel } from "../../task-status.ts";
import { withOwnerAccess } from "../server/owner.ts";
import { EventPrinter, printDiff } from "./event-printer.ts";
import { pullRequestText } from "./pull-request-text.ts";
import { listAttempts, listSessions, sendPrompt, sessionNamed, startSession } from "./task-sessions.ts";

export const tasksUsage = `holdfast tasks list | show ID | stop ID | diff ID | apply ID [--branch NAME]
               | prompt ID "text" | sessions ID | start-session ID ["prompt"] | close-session ID
               | attempts ID | keep ID

  list        lists all tasks, newest first
  show ID     prints the log of a task, and names its pull request
  stop ID     stops its agents; with --session, one of them
  diff ID     prints its changes since the commit that it started from
  apply ID    applies its changes to a new branch of the repository
  prompt ID   sends a prompt to its agent
  sessions ID        lists its sessions, which work in parallel in one workspace
  start-session ID   starts another session, with --agent NAME and --name NAME; with --copy, as an
                     attempt in a copy of its own
  close-session ID   ends the agent of the session that --session names; its log stays
  attempts ID        compares its attempts: state, changes, tokens
  keep ID            makes the work of the attempt that --session names that of the task, and
                     discards the others
  --session NAME     name or id of a session, for show, stop, diff, prompt, close-session and keep
                     (default: the first one that is open)
  --data DIR  data directory (default: HOLDFAST_DATA or .holdfast)
  --json      machine-readable output`;

export async function tasksCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...{ branch: { type: "string" }, session: { type: "string" } },
    ...{ agent: { type: "string" }, name: { type: "string" }, copy: { type: "boolean" } },
  } as const);
  const [given, ...rest] = positionals;
  if (values.help === true) {
    console.log(tasksUsage);
    return 0;
  }
  const verb = verbOf("tasks", verbs, given);
  if (verb === "list") noArguments(rest);
  const takesText = verb === "prompt" || verb === "start-session";
  const id = verb === "list" ? "" : oneArgument(takesText ? rest.slice(0, 1) : rest, "The task's id");
  const text = takesText ? textOf(rest.slice(1), verb) : undefined;
  checkOptions(verb, values);
  const json = values.json === true;
  const call = { json, data: values.data };
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
        await show(owner.client, view, sessionNamed(view, values.session)?.id ?? view.sessionId, json);
        break;
      case "stop":
        await stop(owner.client, view, values.session, json);
        break;
      case "prompt":
        await sendPrompt(owner.client, view, text ?? "", values.session, {
          ...call,
          isPersistent: owner.isPersistent,
        });
        break;
      case "sessions":
        listSessions(view, json);
        break;
      case "start-session": {
        const { agent, name } = values;
        const copy = values.copy === true ? { copy: true } : {};
        const given = { agent, name, ...copy, ...(text === undefined ? {} : { prompt: text }) };
        await startSession(owner.client, view, given, { ...call, isPersistent: owner.isPersistent });
        break;
      }
      case "attempts":
        await listAttempts(owner.client, view, json);
        break;
      case "keep": {
        const session = sessionNamed(view, values.session);
        if (session === undefined) break;
        const freed = await owner.client.task(id).keepAttempt(session.id);
        console.log(
          json
            ? jsonLine({ kept: session.id, freed })
            : `Kept ${harmless(session.name)}. ${freed.isComplete ? "" : "At least "}${freed.bytes} bytes are free again.`,
        );
        break;
      }
      case "close-session": {
        const session = sessionNamed(view, values.session);
        if (session === undefined) break;
        await owner.client.task(id).closeSession(session.id);
        console.log(json ? jsonLine({ closed: session.id }) : `Closed ${harmless(session.name)}.`);
        break;
      }
      case "diff": {
        const attempt = values.session === undefined ? undefined : sessionNamed(view, values.session);
        const task = owner.client.task(id);
        const diff = await (attempt === undefined ? task.diff() : task.attemptDiff(attempt.id));
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

const verbs = [
  ...(["list", "show", "stop", "diff", "apply"] as const),
  ...(["prompt", "sessions", "start-session", "close-session", "attempts", "keep"] as const),
] as const;
type Verb = (typeof verbs)[number];

/** The prompt after the task's id, which `start-session` does not need. */
function textOf(rest: readonly string[], verb: Verb): string | undefined {
  if (verb === "start-session" && rest.length === 0) return undefined;
  const text = oneArgument(rest, "The prompt");
  if (text.trim() === "") throw new UsageError("The prompt is empty");
  return text;
}

/** Which options belong to which commands. */
const optionVerbs = {
  branch: ["apply"],
  session: ["show", "stop", "diff", "prompt", "close-session", "keep"],
  agent: ["start-session"],
  name: ["start-session"],
} as const satisfies Readonly<Record<string, readonly Verb[]>>;

/** Throws a usage error for an option that the command does not take. */
function checkOptions(verb: Verb, values: Readonly<Partial<Record<keyof typeof optionVerbs, string>>>): void {
  for (const option of ["branch", "session", "agent", "name"] as const) {
    const allowed: readonly Verb[] = optionVerbs[option];
    if (values[option] !== undefined && !allowed.includes(verb))
      throw new UsageError(`--${option} is only for ${allowed.join(", ")}`);
  }
  if ((verb === "close-session" || verb === "keep") && values.session === undefined)
    throw new UsageError(`${verb} needs --session NAME`);
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
          `${task.id}  ${statusLabel(task.status).padEnd(9)}  ${task.agent.padEnd(8)}  ${harmless(task.title)}${severalText(task)}`,
        );
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  if (isEmpty && !json) console.log("There are no tasks yet.");
}

function severalText({ attempts, openSessions }: TaskSummary): string {
  if (attempts !== undefined) return `  (${attempts} attempts)`;
  return openSessions === undefined ? "" : `  (${openSessions} sessions)`;
}

async function stop(
  client: StudioClient,
  before: TaskView,
  given: string | undefined,
  json: boolean,
): Promise<void> {
  const session = given === undefined ? undefined : sessionNamed(before, given);
  await client.task(before.id).stop(session === undefined ? {} : { session: session.id });
  const view = await client.task(before.id).get();
  const { id } = view;
  const { status } = view.sessions.find((each) => each.id === session?.id) ?? view;
  const worked = isBusy(session?.status ?? before.status);
  if (json) console.log(jsonLine({ id, status, stopped: worked }));
  else console.log(worked ? "Stopped." : `No agent was working. Status of the task: ${statusLabel(status)}.`);
}

async function show(client: StudioClient, view: TaskView, sessionId: string, json: boolean): Promise<void> {
  if (json) console.log(jsonLine(view));
  const printer = new EventPrinter(screenOf(process.stdout));
  let after = 0;
  for (;;) {
    const page = await client.session(sessionId).events({ after });
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
