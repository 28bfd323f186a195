import { harmless, jsonLine, screenOf, UsageError } from "@holdfast/cli";
import type { DiffCompare, StudioClient, TaskView } from "@holdfast/studio";
import { isBusy, statusLabel } from "../../task-status.ts";
import { pullRequestText } from "../review/pull-request-text.ts";
import { type Verbs, verb } from "../verbs/verb.ts";
import { EventPrinter, printDiff } from "./event-printer.ts";
import { findTask } from "./find-task.ts";
import { sendPrompt, sessionNamed, sessionOption } from "./task-sessions.ts";

/** Verbs of `holdfast tasks` about the work of one task. */
export const workVerbs: Verbs = {
  show: verb({
    arguments: "ID",
    description: "prints the log of a task, and names its pull request",
    options: sessionOption,
    async run({ client, args: [id = ""], values, json }) {
      const view = await findTask(client, id);
      await show(client, view, sessionNamed(view, values.session)?.id ?? view.sessionId, json);
    },
  }),
  stop: verb({
    arguments: "ID",
    description: "stops its agents; with --session, one of them",
    options: sessionOption,
    // A stopped task is resumed first, so that its log records the end.
    runTasks: ([task = ""]) => ({ task }),
    async run({ client, args: [id = ""], values, print }) {
      const before = await findTask(client, id);
      const session = values.session === undefined ? undefined : sessionNamed(before, values.session);
      await client.task(id).stop(session === undefined ? {} : { session: session.id });
      const view = await client.task(id).get();
      const { status } = view.sessions.find((each) => each.id === session?.id) ?? view;
      const stopped = isBusy(session?.status ?? before.status);
      const idle = `No agent was working. Status of the task: ${statusLabel(status)}.`;
      print({ id, status, stopped }, stopped ? "Stopped." : idle);
    },
  }),
  secrets: verb({
    arguments: "ID allow|deny",
    description: "whether a task on code of a fork gets the secrets that its environment asks for",
    check([, answer]) {
      if (answer !== "allow" && answer !== "deny") throw new UsageError("Answer allow or deny");
    },
    async run({ client, args: [id = "", answer], print }) {
      await findTask(client, id);
      const isAllowed = answer === "allow";
      await client.task(id).decideSecrets(isAllowed);
      print({ id, isAllowed }, isAllowed ? "The task gets the secrets." : "The task starts without secrets.");
    },
  }),
  diff: verb({
    arguments: "ID",
    description: "prints its changes since the commit that it started from",
    options: {
      ...sessionOption,
      turn: { type: "boolean", description: "only those of the last turn" },
      commit: { type: "string", value: "COMMIT", description: "those of one of its commits" },
    },
    check(_args, { session, turn, commit }) {
      if ([session, turn, commit].filter((each) => each !== undefined).length > 1)
        throw new UsageError("Choose one of --session, --turn and --commit");
    },
    async run({ client, args: [id = ""], values, json }) {
      const view = await findTask(client, id);
      const task = client.task(id);
      const attempt = values.session === undefined ? undefined : sessionNamed(view, values.session);
      const compare = compareOf(values.turn, values.commit);
      const diff = await (attempt === undefined
        ? task.diff(compare === undefined ? undefined : { compare })
        : task.attemptDiff(attempt.id));
      if (json) console.log(jsonLine(diff));
      else printDiff(screenOf(process.stdout), diff);
    },
  }),
  files: verb({
    arguments: "ID [PATH]",
    description: "lists a folder, or searches, as its files were seen last: no sandbox is started",
    options: {
      search: { type: "string", value: "TEXT", description: "lines that contain this text" },
    },
    async run({ client, args: [id = "", path], values, json }) {
      await findTask(client, id);
      if (values.search !== undefined) {
        const found = await client.task(id).searchSaved({ where: "contents", text: values.search });
        for (const match of found.matches)
          console.log(json ? jsonLine(match) : harmless(`${match.path}:${match.line}: ${match.text}`));
        return;
      }
      const folder = await client.task(id).savedFolder(path === undefined ? {} : { path });
      for (const entry of folder.entries)
        console.log(
          json ? jsonLine(entry) : harmless(entry.kind === "folder" ? `${entry.name}/` : entry.name),
        );
    },
  }),
  rebase: verb({
    arguments: "ID",
    description:
      "moves it and its pull request to the newest commit of its base branch, or names the conflicts",
    options: { resolve: { type: "boolean", description: "has the agent resolve conflicts" } },
    async run({ client, args: [id = ""], values, print }) {
      await findTask(client, id);
      const resolve = values.resolve === true;
      const { conflicts } = await client.task(id).rebase({ resolve });
      const list = conflicts.map(harmless).join("\n");
      const { base } = await client.task(id).get();
      const now = `On ${harmless(base.branch)} at ${base.commit.slice(0, 8)}.`;
      const asked = `${now} The agent was asked to resolve the conflicts in:\n${list}`;
      const told = `Not moved: these files do not fit. Let the agent resolve it with --resolve.\n${list}`;
      print({ id, base, conflicts }, conflicts.length === 0 ? now : resolve ? asked : told);
    },
  }),
  apply: verb({
    arguments: "ID",
    description: "applies its changes to a new branch of the repository",
    options: { branch: { type: "string", value: "NAME", description: "name of the branch" } },
    async run({ client, args: [id = ""], values: { branch }, print }) {
      await findTask(client, id);
      const applied = await client.task(id).apply(branch === undefined ? {} : { branch });
      print(applied, `Applied to branch ${applied.branch} (${applied.commit.slice(0, 12)})`);
    },
  }),
  prompt: verb({
    arguments: "ID TEXT",
    description: "sends a prompt to its agent",
    options: sessionOption,
    check([, text = ""]) {
      if (text.trim() === "") throw new UsageError("The prompt is empty");
    },
    async run({ client, args: [id = "", text = ""], values, ...call }) {
      await sendPrompt(client, await findTask(client, id), text, values.session, call);
    },
  }),
};

function compareOf(turn: boolean | undefined, commit: string | undefined): DiffCompare | undefined {
  if (commit !== undefined) return { kind: "commit", commit };
  return turn === true ? { kind: "turn" } : undefined;
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
