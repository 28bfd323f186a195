import { harmless, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { StudioClient, TaskSessionView } from "@holdfast/studio";
import { type Verbs, verb } from "../verbs/verb.ts";
import { findTask } from "./find-task.ts";
import { listAttempts, listSessions, sessionNamed, sessionOption, startSession } from "./task-sessions.ts";

function checkSession(name: string) {
  return (_args: readonly string[], values: { readonly session?: string }) => {
    if (values.session === undefined) throw new UsageError(`${name} needs --session NAME`);
  };
}

/** Verbs of `holdfast tasks` about the sessions of a task. */
export const sessionVerbs: Verbs = {
  sessions: verb({
    arguments: "ID",
    description: "lists its sessions, which work in parallel in one workspace",
    run: async ({ client, args: [id = ""], json }) => listSessions(await findTask(client, id), json),
  }),
  "start-session": verb({
    arguments: "ID [TEXT]",
    description: "starts another session, with a first prompt or without",
    options: {
      agent: { type: "string", value: "NAME", description: "its agent (default: that of the task)" },
      name: { type: "string", value: "NAME", description: "its name" },
      copy: { type: "boolean", description: "as an attempt in a copy of its own" },
      "from-workspace": { type: "boolean", description: "the same, which begins as the task's files are" },
    },
    check([, text]) {
      if (text?.trim() === "") throw new UsageError("The prompt is empty");
    },
    async run({ client, args: [id = "", prompt], values, ...call }) {
      const { agent, name } = values;
      const isFromWorkspace = values["from-workspace"] === true;
      const copied = isFromWorkspace
        ? { copy: "workspace" as const }
        : values.copy === true
          ? { copy: true }
          : {};
      const given = { agent, name, ...copied, ...(prompt === undefined ? {} : { prompt }) };
      await startSession(client, await findTask(client, id), given, call);
    },
  }),
  "rename-session": verb({
    arguments: "ID NAME",
    description: "gives the session that --session names another name",
    options: sessionOption,
    check: checkSession("rename-session"),
    async run({ client, args: [id = "", name = ""], values, print }) {
      const session = await sessionOf(client, id, values.session);
      await client.task(id).renameSession(session.id, name);
      print({ session: session.id, name }, `Renamed to ${harmless(name)}.`);
    },
  }),
  "close-session": verb({
    arguments: "ID",
    description: "ends the agent of the session that --session names; its log stays",
    options: sessionOption,
    check: checkSession("close-session"),
    async run({ client, args: [id = ""], values, print }) {
      const session = await sessionOf(client, id, values.session);
      await client.task(id).closeSession(session.id);
      print({ closed: session.id }, `Closed ${harmless(session.name)}.`);
    },
  }),
  options: verb({
    arguments: "ID",
    description: "lists the options of its agent that were chosen, such as its model",
    options: sessionOption,
    async run({ client, args: [id = ""], values, print }) {
      const { options = {} } = await sessionOf(client, id, values.session);
      const lines = Object.entries(options).map(([option, value]) => harmless(`${option}  ${value}`));
      print(options, lines.join("\n") || "None was chosen: its agent uses its own defaults.");
    },
  }),
  choose: verb({
    arguments: "ID OPTION VALUE",
    description: "chooses an option of its agent from the next turn on",
    options: sessionOption,
    async run({ client, args: [id = "", option = "", value = ""], values, print }) {
      const session = await sessionOf(client, id, values.session);
      await client.task(id).chooseOption(option, value, { session: session.id });
      print({ session: session.id, option, value }, `${harmless(option)} is ${harmless(value)} now.`);
    },
  }),
  attempts: verb({
    arguments: "ID",
    description: "compares its attempts: state, checks, changes, tokens",
    options: {
      "run-checks": { type: "boolean", description: "begins to run the checks of the environment for each" },
    },
    async run({ client, args: [id = ""], json, values }) {
      if (values["run-checks"] === true) await client.task(id).runAttemptChecks();
      await listAttempts(client, await findTask(client, id), json);
    },
  }),
  keep: verb({
    arguments: "ID",
    description:
      "makes the work of the attempt that --session names that of the task, and discards the others",
    options: sessionOption,
    check: checkSession("keep"),
    async run({ client, args: [id = ""], values, print }) {
      const session = await sessionOf(client, id, values.session);
      const freed = await client.task(id).keepAttempt(session.id);
      const text = `Kept ${harmless(session.name)}. ${freed.isComplete ? "" : "At least "}${freed.bytes} bytes are free again.`;
      print({ kept: session.id, freed }, text);
    },
  }),
};

/** Throws `task.session_not_found` if all sessions are closed. */
async function sessionOf(
  client: StudioClient,
  id: string,
  given: string | undefined,
): Promise<TaskSessionView> {
  const session = sessionNamed(await findTask(client, id), given);
  if (session !== undefined) return session;
  throw new HoldfastError("task", "session_not_found", "The task has no open session", { statusCode: 404 });
}
