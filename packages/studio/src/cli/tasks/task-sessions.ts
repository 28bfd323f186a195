import { dataDirectoryOf, harmless, jsonLine, UsageError } from "@holdfast/cli";
import type { StudioClient, TaskSessionView, TaskView } from "@holdfast/studio";
import { commandHint } from "../../command-hint.ts";
import type { AttemptCheck } from "../../contract.ts";
import { statusLabel } from "../../task-status.ts";
import type { VerbOptions } from "../verbs/verb.ts";

/** The option of verbs that are about one session of a task. */
export const sessionOption = {
  session: { type: "string", value: "NAME", description: "one of its sessions" },
} as const satisfies VerbOptions;

/** A session by its id or its name; the first open one if none is given. Throws a usage error. */
export function sessionNamed(view: TaskView, given: string | undefined): TaskSessionView | undefined {
  if (given === undefined) return view.sessions.find(({ closedAt }) => closedAt === undefined);
  const named = view.sessions.filter(({ id, name }) => id === given || name === given);
  if (named.length === 1) return named[0];
  throw new UsageError(
    named.length === 0
      ? `The task has no session "${given}". List them with: holdfast tasks sessions ${view.id}`
      : `The task has ${named.length} sessions called "${given}". Use the id of one.`,
  );
}

export function listSessions({ sessions }: TaskView, json: boolean): void {
  for (const session of sessions) {
    if (json) console.log(jsonLine(session));
    else {
      const status = session.closedAt === undefined ? statusLabel(session.status) : "Closed";
      console.log(
        `${session.id}  ${status.padEnd(9)}  ${session.agent.padEnd(8)}  ${harmless(session.name)}`,
      );
    }
  }
}

/** The attempts of which one is to be kept, each with its changes. */
export async function listAttempts(client: StudioClient, view: TaskView, json: boolean): Promise<void> {
  const task = client.task(view.id);
  const storage = await task.attemptStorage();
  const checks = await task.attemptChecks();
  const attempts = view.sessions.filter(({ id }) => storage[id] !== undefined);
  if (attempts.length === 0 && !json) console.log("There are no attempts to choose from.");
  for (const session of attempts) {
    const { files } = await task.attemptDiff(session.id);
    const additions = files.reduce((sum, file) => sum + file.additions, 0);
    const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
    const changes = { files: files.length, additions, deletions };
    if (json)
      console.log(jsonLine({ session, changes, storage: storage[session.id], checks: checks[session.id] }));
    else {
      const { inputTokens, outputTokens } = session.usage;
      console.log(
        `${session.id}  ${statusLabel(session.status).padEnd(9)}  ${harmless(session.name).padEnd(12)}  ` +
          `${checksText(checks[session.id])}+${additions} -${deletions} in ${files.length} files, ${inputTokens + outputTokens} tokens`,
      );
    }
  }
}

function checksText(checks: readonly AttemptCheck[] | undefined): string {
  if (checks === undefined || checks.length === 0) return "";
  return `${checks.map(({ name, state }) => harmless(`${name} ${state}`)).join(", ")}  `;
}

/** How a command was called. */
interface Call {
  readonly json: boolean;
  readonly data: string | undefined;
  /** True if a server runs, which takes the prompt at once. */
  readonly isPersistent: boolean;
}

export async function startSession(
  client: StudioClient,
  view: TaskView,
  given: {
    readonly agent?: string | undefined;
    readonly name?: string | undefined;
    readonly prompt?: string;
    readonly copy?: boolean | "workspace";
  },
  call: Call,
): Promise<void> {
  const { agent = view.agent, name, prompt, copy } = given;
  const session = await client.task(view.id).startSession({
    agent,
    ...(name === undefined ? {} : { name }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(copy === undefined ? {} : { copy }),
  });
  if (call.json) console.log(jsonLine(session));
  else console.log(`Started the session ${harmless(session.name)} (${session.id}).`);
  if (prompt !== undefined) hintAtStart(call);
}

export async function sendPrompt(
  client: StudioClient,
  view: TaskView,
  text: string,
  given: string | undefined,
  call: Call,
): Promise<void> {
  const session = sessionNamed(view, given);
  await client.task(view.id).prompt(text, session === undefined ? {} : { session: session.id });
  if (call.json) console.log(jsonLine({ task: view.id, session: session?.id }));
  else console.log(`Sent to ${harmless(session?.name ?? view.agent)}.`);
  hintAtStart(call);
}

function hintAtStart({ isPersistent, json, data }: Call): void {
  if (isPersistent || json) return;
  process.stderr.write(
    `No server is running. The task continues at the next start: ${commandHint("start", dataDirectoryOf(data))}\n`,
  );
}
