/** What a prompt is made of beside its text: attachments, the agent's options, queued prompts and drafts. */

/** A file that came with a prompt. */
export interface AttachmentView {
  readonly id: string;
  /** One part of a path, at most 120 characters. */
  readonly name: string;
  /** What its bytes are: an image, "text/plain", or "application/octet-stream". */
  readonly mediaType: string;
  readonly bytes: number;
}

export interface PromptOptions {
  /** Id of a session; by default the first one that is open. */
  readonly session?: string;
  /** Ids of uploaded files that were not sent before, at most 10. */
  readonly attachments?: readonly string[];
}

/** A choice that an agent offers: its mode, its model, or another setting. */
export interface AgentOption {
  readonly id: string;
  readonly name: string;
  readonly category: string;
  /** Empty if it is not known. */
  readonly current: string;
  readonly values: readonly AgentOptionValue[];
}

export interface AgentOptionValue {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
}

/** A slash command that an agent offers. */
export interface AgentCommand {
  readonly name: string;
  readonly description: string;
  /** What to type after it. */
  readonly hint?: string;
}

/** A prompt that waits until the turn before it has ended. */
export interface QueuedPrompt {
  readonly id: string;
  readonly text: string;
  readonly attachments?: readonly AttachmentView[];
}

/** Files whose paths match what was typed, best first. */
export interface FoundFiles {
  readonly paths: readonly string[];
  /** Number of all files that match. */
  readonly total: number;
}

/** Actions of `task` about its prompts. Errors: group "task", "attachment". */
export interface PromptActions {
  /**
   * Throws `task.queue_full`, `.stopping`, `.empty_prompt`, `.prompt_too_long`, `.session_not_found`, `.session_closed`,
   * `attachment.*`.
   */
  prompt(text: string, options?: PromptOptions): Promise<void>;
  /** A queued prompt with its complete text. Throws `task.prompt_not_queued`. */
  queuedPrompt(id: string): Promise<QueuedPrompt>;
  /** Throws `task.prompt_not_queued` once its turn has begun. */
  editPrompt(id: string, text: string): Promise<void>;
  /** Takes it from the queue. Throws `task.prompt_not_queued`. */
  removePrompt(id: string): Promise<void>;
  /** Moves it to a place among the queued prompts; the first is 0. Throws `task.prompt_not_queued`. */
  movePrompt(id: string, to: number): Promise<void>;
  /**
   * Chooses an option of the agent of a session by its id, from the next turn on. Throws `task.invalid_input`,
   * `.session_not_found`, `.session_closed`.
   */
  chooseOption(id: string, value: string, to?: { readonly session?: string }): Promise<void>;
  /** Files of the commit that the task started from. At most 20. */
  files(query: string): Promise<FoundFiles>;
}

/** What a person has typed and not sent yet. */
export interface PromptDraft {
  readonly text: string;
  readonly attachments: readonly AttachmentView[];
  readonly updatedAt: number;
}

/** Actions of `drafts`, which has those of one person. Errors: group "draft". */
export interface DraftsActions {
  /** The draft for a task, by its id, or for a new one: "new". Null if there is none. */
  get(scope: string): Promise<PromptDraft | null>;
  /**
   * Replaces a draft; an empty one is deleted. `device` comes back with the event, so that its author knows it. Throws
   * `draft.too_long`.
   */
  save(scope: string, draft: Omit<PromptDraft, "updatedAt">, device: string): Promise<void>;
}

/** Events of `drafts`. Only the person of the drafts gets them. */
export interface DraftsEvents {
  changed: { readonly scope: string; readonly device: string; readonly draft: PromptDraft | null };
}
