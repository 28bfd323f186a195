import { attachmentNameProblem } from "../attachments/attachment-name.ts";
import type { TaskSession, TaskState } from "../backend/task-state.ts";
import type { AttachmentView } from "../contract/prompts.ts";
import type { SessionEvent } from "../contract.ts";
import { readLabels } from "../labels/labels.ts";
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
  readonly newFileId: () => string;
  /** The new id of a repository of the archive; undefined if it was not connected. */
  readonly repository: (id: string) => string | undefined;
  /** Who imports. */
  readonly person: string;
}

/** A file of a prompt, by its id in the archive, with its new one. */
export interface ImportedFile {
  readonly from: string;
  readonly attachment: AttachmentView;
}

/** What makes an imported transcript untrusted: an archive can say anything. */
export const importTaint = "the transcript was imported";

/** A task of an archive with new ids, and the sessions by their ids there. Throws `organization.invalid_archive`. */
export function taskOf(value: unknown, ids: TaskIds) {
  const entry = objectOf(value, "a task");
  const given = objectOf(entry["state"], "the state of a task");
  const sessions: { readonly from: string; readonly to: string }[] = [];
  const files: ImportedFile[] = [];
  const file = (given: unknown): AttachmentView => {
    const { id, ...view } = fileOf(given);
    const known = files.find(({ from }) => from === id);
    if (known !== undefined) return known.attachment;
    const attachment = { id: ids.newFileId(), ...view };
    files.push({ from: id, attachment });
    return attachment;
  };
  const read = (session: Fields) => {
    const to = ids.newId();
    sessions.push({ from: textOf(session["sessionId"], "an id", 100), to });
    return sessionOf(session, to, file);
  };
  const first = read(given);
  const others = given["sessions"] === undefined ? [] : listOf(given["sessions"], "sessions");
  if (others.length > studioLimits.maxSessions) throw invalidArchive("a task has too many sessions");
  const connected =
    given["connected"] === undefined ? undefined : objectOf(given["connected"], "a repository");
  const { startedBy, owner, labels } = given;
  const state: TaskState = {
    ...{ version: 1, id: ids.newId(), title: textOf(given["title"], "a title", 1_000) },
    repository: textOf(given["repository"], "a repository", 4_096),
    // A repository that is not connected has an id that none has: the task cannot reach a folder of the machine.
    connected: { id: ids.repository(String(connected?.["id"])) ?? ids.newId() },
    unsafe: given["unsafe"] === true,
    ...(startedBy === undefined ? {} : { startedBy: starterOf(startedBy) }),
    ...(owner === undefined ? {} : { owner: starterOf(owner) }),
    ...(labels === undefined ? {} : { labels: labelsOf(labels) }),
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
  const attachments = files.map(({ attachment }) => attachment.id);
  return {
    state: attachments.length === 0 ? state : { ...state, attachments },
    ...{ sessions, files },
    ...optionalTime(entry, "archivedAt"),
  };
}

function labelsOf(given: unknown): string[] {
  try {
    return [...readLabels(given)];
  } catch {
    throw invalidArchive("the labels of a task are not valid");
  }
}

/** What an archive says of a file. Its bytes are checked when they come. */
function fileOf(given: unknown): AttachmentView {
  const { id, name, mediaType, bytes } = objectOf(given, "a file");
  const size = Number(bytes);
  if (!Number.isSafeInteger(size) || size < 1 || size > studioLimits.maxAttachmentBytes)
    throw invalidArchive("a file has no size that a file can have");
  const called = textOf(name, "the name of a file", 120);
  if (attachmentNameProblem(called) !== undefined) throw invalidArchive("the name of a file is not valid");
  return {
    ...{ id: textOf(id, "an id", 100), name: called },
    ...{ mediaType: textOf(mediaType, "the type of a file", 100), bytes: size },
  };
}

function sessionOf(given: Fields, sessionId: string, file: (given: unknown) => AttachmentView): TaskSession {
  const { status } = given;
  if (status !== "idle" && status !== "failed" && status !== "stopped")
    throw invalidArchive("a task is not at rest");
  const prompts = listOf(given["prompts"], "prompts").map((each) => {
    const { id, text, state, by, attachments = [] } = objectOf(each, "a prompt");
    const files = listOf(attachments, "the files of a prompt");
    if (files.length > studioLimits.maxAttachments) throw invalidArchive("a prompt has too many files");
    if (state !== "done" && state !== "failed" && state !== "cancelled")
      throw invalidArchive("a prompt has not ended");
    return {
      ...{ id: textOf(id, "an id", 100), text: textOf(text, "a prompt", studioLimits.maxPromptBytes) },
      ...({ state, attempts: 1 } as const),
      ...(by === undefined ? {} : { by: starterOf(by) }),
      ...(files.length === 0 ? {} : { attachments: files.map(file) }),
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

/** A page of a transcript that follows `seq`, with the new files. Throws `organization.invalid_archive`. */
export function eventsOf(
  value: unknown,
  seq: number,
  files: ReadonlyMap<string, AttachmentView> = new Map(),
): readonly SessionEvent[] {
  const events = listOf(value, "a transcript");
  // An archive of millions of these would cost much time, and nothing to send.
  if (events.length === 0) throw invalidArchive("a part of a transcript is empty");
  return events.map((each, index) => {
    const { seq: own, at, body } = objectOf(each, "an event");
    if (own !== seq + index + 1) throw invalidArchive("a transcript has a gap");
    textOf(objectOf(body, "an event")["type"], "an event", 100);
    return { seq: own, at: timeOf(at, "a time"), body: withFiles(body, files) } as SessionEvent;
  });
}

/** A prompt with the new files. An archive names no file that it does not have. */
function withFiles(given: unknown, files: ReadonlyMap<string, AttachmentView>): unknown {
  const body = objectOf(given, "an event");
  if (body["type"] !== "prompt" || body["attachments"] === undefined) return given;
  const { attachments, ...rest } = body;
  const known = listOf(attachments, "the files of a prompt").flatMap((each) => {
    const file = files.get(String(objectOf(each, "a file")["id"]));
    return file === undefined ? [] : [file];
  });
  return known.length === 0 ? rest : { ...rest, attachments: known };
}
