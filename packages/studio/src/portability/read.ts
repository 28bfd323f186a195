import type { TaskSession, TaskState } from "../backend/task-state.ts";
import type { SessionEvent } from "../contract.ts";
import { studioLimits } from "../limits.ts";
import { invalidArchive } from "./archive.ts";

type Fields = Readonly<Record<string, unknown>>;

export function objectOf(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalidArchive(`${what} is not what it should be`);
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalidArchive(`${what} are not a list`);
}

export function textOf(value: unknown, what: string, max: number): string {
  if (typeof value === "string" && value !== "" && value.length <= max) return value;
  throw invalidArchive(`${what} is not text of at most ${max} characters`);
}

function timeOf(value: unknown, what: string): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw invalidArchive(`${what} is no time`);
}

function optionalTime<Name extends string>(given: Fields, name: Name): { [_ in Name]?: number } {
  return (given[name] === undefined ? {} : { [name]: timeOf(given[name], name) }) as { [_ in Name]?: number };
}

export interface TaskIds {
  readonly newId: () => string;
  /** The new id of a repository of the archive; undefined if it was not connected. */
  readonly repository: (id: string) => string | undefined;
  /** Who imports. */
  readonly person: string;
}

/** What makes an imported transcript untrusted: an archive can say anything. */
export const importTaint = "the transcript was imported";

/** A task of an archive with new ids, and the sessions by their ids there. Throws `organization.invalid_archive`. */
export function taskOf(value: unknown, ids: TaskIds) {
  const entry = objectOf(value, "a task");
  const given = objectOf(entry["state"], "the state of a task");
  const sessions: { readonly from: string; readonly to: string }[] = [];
  const read = (session: Fields) => {
    const to = ids.newId();
    sessions.push({ from: textOf(session["sessionId"], "an id", 100), to });
    return sessionOf(session, to);
  };
  const first = read(given);
  const others = given["sessions"] === undefined ? [] : listOf(given["sessions"], "sessions");
  if (others.length > studioLimits.maxSessions) throw invalidArchive("a task has too many sessions");
  const connected =
    given["connected"] === undefined ? undefined : objectOf(given["connected"], "a repository");
  const { startedBy, owner } = given;
  const state: TaskState = {
    ...{ version: 1, id: ids.newId(), title: textOf(given["title"], "a title", 1_000) },
    repository: textOf(given["repository"], "a repository", 4_096),
    // A repository that is not connected has an id that none has: the task cannot reach a folder of the machine.
    connected: { id: ids.repository(String(connected?.["id"])) ?? ids.newId() },
    unsafe: given["unsafe"] === true,
    ...(startedBy === undefined ? {} : { startedBy: starterOf(startedBy) }),
    ...(owner === undefined ? {} : { owner: starterOf(owner) }),
    createdAt: timeOf(given["createdAt"], "a time"),
    updatedAt: timeOf(given["updatedAt"], "a time"),
    ...{ revision: 1, wake: 0, hasBegun: true, people: [ids.person], importedTaint: importTaint },
    ...first,
    ...(others.length === 0
      ? {}
      : {
          sessions: others.map((each) => {
            const session = objectOf(each, "a session");
            return {
              ...read(session),
              name: textOf(session["name"], "a name", 200),
              createdAt: timeOf(session["createdAt"], "a time"),
            };
          }),
        }),
  };
  return { state, sessions, ...optionalTime(entry, "archivedAt") };
}

function sessionOf(given: Fields, sessionId: string): TaskSession {
  const { status } = given;
  if (status !== "idle" && status !== "failed" && status !== "stopped")
    throw invalidArchive("a task is not at rest");
  const prompts = listOf(given["prompts"], "prompts").map((each) => {
    const { id, text, state, by } = objectOf(each, "a prompt");
    if (state !== "done" && state !== "failed" && state !== "cancelled")
      throw invalidArchive("a prompt has not ended");
    return {
      ...{ id: textOf(id, "an id", 100), text: textOf(text, "a prompt", studioLimits.maxPromptBytes) },
      ...({ state, attempts: 1 } as const),
      ...(by === undefined ? {} : { by: starterOf(by) }),
    };
  });
  const error = given["error"] === undefined ? undefined : objectOf(given["error"], "an error");
  const usage = objectOf(given["usage"], "usage");
  const count = (name: string) => (Number.isSafeInteger(usage[name]) ? Number(usage[name]) : 0);
  return {
    ...{ sessionId, agent: textOf(given["agent"], "an agent", 64), status, prompts },
    ...(given["name"] === undefined ? {} : { name: textOf(given["name"], "a name", 200) }),
    ...(error === undefined
      ? {}
      : {
          error: {
            group: textOf(error["group"], "an error", 100),
            code: textOf(error["code"], "an error", 100),
            message: textOf(error["message"], "an error", 10_000),
          },
        }),
    usage: {
      ...{ inputTokens: count("inputTokens"), outputTokens: count("outputTokens") },
      requests: count("requests"),
    },
    ...{ approvals: [], settled: [], stopping: false },
    ...optionalTime(given, "attentionAt"),
    ...optionalTime(given, "promptedAt"),
    ...optionalTime(given, "endedAt"),
    ...optionalTime(given, "closedAt"),
  };
}

function starterOf(value: unknown): { readonly id: string; readonly name: string } {
  const { id, name } = objectOf(value, "a person");
  return { id: textOf(id, "an id", 200), name: textOf(name, "a name", 200) };
}

/** A page of a transcript that follows `seq`. Throws `organization.invalid_archive`. */
export function eventsOf(value: unknown, seq: number): readonly SessionEvent[] {
  const events = listOf(value, "a transcript");
  // An archive of millions of these would cost much time, and nothing to send.
  if (events.length === 0) throw invalidArchive("a part of a transcript is empty");
  return events.map((each, index) => {
    const { seq: own, at, body } = objectOf(each, "an event");
    if (own !== seq + index + 1) throw invalidArchive("a transcript has a gap");
    textOf(objectOf(body, "an event")["type"], "an event", 100);
    return { seq: own, at: timeOf(at, "a time"), body } as SessionEvent;
  });
}
