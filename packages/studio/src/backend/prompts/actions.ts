import { HoldfastError } from "@holdfast/core";
import type { TaskFiles } from "../../cluster/task-files.ts";
import type { FoundFiles, PromptOptions, QueuedPrompt } from "../../contract/prompts.ts";
import type { RepositoryCheck, SessionChoice } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { type FolderContext, requireFolder } from "../organizations/folders.ts";
import { findOpenSession } from "../sessions/find.ts";
import { readSession } from "../sessions/input.ts";
import { sessionsOf } from "../task-state.ts";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import { requirePrompt, requireText } from "../validate.ts";
import { bindAttachments } from "./bind-attachments.ts";
import { cancelQueued, moveQueued, replaceText, requireQueued, toQueuedPrompt } from "./queue.ts";

type PromptContext = TaskContext & PersonContext & { keepAwake<T>(promise: Promise<T>): Promise<T> };

/** The actions of a task about its prompts. */
export function promptActions(
  host: Pick<BackendHost, "fileFinder">,
  files: Pick<TaskFiles, "bring">,
  steps: TaskSteps,
) {
  return {
    async prompt(c: PromptContext, text: string, options?: PromptOptions): Promise<void> {
      requirePrompt(text);
      const { person } = c.conn.state;
      const attachments = await bindAttachments(c, c.state.id, person, options?.attachments);
      return steps.prompt(c, text, c.conn.state, options, attachments);
    },

    queuedPrompt: (c: PromptContext, id: string): QueuedPrompt =>
      toQueuedPrompt(requireQueued(sessionsOf(c.state), id).row),

    editPrompt(c: PromptContext, id: string, text: string): void {
      requirePrompt(text);
      replaceText(sessionsOf(c.state), id, text);
      steps.publishChange(c);
    },

    removePrompt(c: PromptContext, id: string): void {
      cancelQueued(sessionsOf(c.state), id);
      steps.publishChange(c);
    },

    movePrompt(c: PromptContext, id: string, to: number): void {
      if (!Number.isSafeInteger(to) || to < 0) throw invalid("`to` must be a place in the queue: 0 or more");
      moveQueued(sessionsOf(c.state), id, to);
      steps.publishChange(c);
    },

    chooseOption(c: PromptContext, id: string, value: string, to?: SessionChoice): void {
      const session = findOpenSession(c.state, readSession(to));
      session.options = withOption(session.options ?? {}, id, value);
      steps.publishChange(c);
    },

    async files(c: PromptContext, query: string): Promise<FoundFiles> {
      const { base } = c.state;
      if (base === undefined) return { paths: [], total: 0 };
      await files.bring(c);
      return c.keepAwake(host.fileFinder.inTask(c.state.id, base.commit, readFileQuery(query)));
    },
  };
}

/** The actions of the organization about a folder that a new task may start from. */
export function folderActions(host: Pick<BackendHost, "fileFinder" | "checkRepository">) {
  return {
    async checkRepository(c: FolderContext, path: string): Promise<RepositoryCheck> {
      requireText(path, "path", 4_096);
      await requireFolder(c, path);
      return host.checkRepository(path);
    },

    async repositoryFiles(c: FolderContext, path: string, query: string): Promise<FoundFiles> {
      requireText(path, "path", 4_096);
      await requireFolder(c, path);
      return host.fileFinder.inRepository(path, readFileQuery(query));
    },
  };
}

/** Options of the agent for a new task. Throws `task.invalid_input`. */
export function readOptions(given: unknown): Readonly<Record<string, string>> {
  if (given === undefined) return {};
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw invalid("`options` must be an object with a value for each option");
  return Object.entries(given).reduce<Readonly<Record<string, string>>>(
    (options, [id, value]) => withOption(options, id, value),
    {},
  );
}

function readFileQuery(query: unknown): string {
  if (typeof query !== "string" || query.length > 500)
    throw invalid("The part of a path must be text of at most 500 characters");
  return query;
}

function withOption(
  options: Readonly<Record<string, string>>,
  id: unknown,
  value: unknown,
): Record<string, string> {
  requireText(id, "The id of the option", studioLimits.maxAgentOptionCharacters);
  requireText(value, "The value of the option", studioLimits.maxAgentOptionCharacters);
  const others = Object.entries(options).filter(([each]) => each !== id);
  if (others.length >= studioLimits.maxAgentOptions)
    throw invalid(`A task can choose at most ${studioLimits.maxAgentOptions} options`);
  return Object.fromEntries([...others, [id, value]]);
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
}
