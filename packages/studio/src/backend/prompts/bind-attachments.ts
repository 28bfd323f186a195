import { HoldfastError, isErrorCode } from "@holdfast/core";
import { attachmentNotFound } from "../../attachments/stored.ts";
import type { AttachmentView } from "../../contract/prompts.ts";
import { studioLimits } from "../../limits.ts";
import type { TaskInput } from "../task-state.ts";
import { requireText } from "../validate.ts";

interface ActorCaller {
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

/**
 * Gives uploaded files to a task, before a prompt has them: files that no prompt gets go with the task. Throws
 * `attachment.not_found`, `.too_many`, `.too_large`, `task.invalid_input`.
 */
export async function bindAttachments(
  c: ActorCaller,
  task: string,
  person: string,
  ids: readonly string[] | undefined,
): Promise<readonly AttachmentView[]> {
  if (ids === undefined) return [];
  if (!Array.isArray(ids))
    throw new HoldfastError("task", "invalid_input", "`attachments` must be a list of ids", {
      statusCode: 400,
    });
  if (new Set(ids).size > studioLimits.maxAttachments) {
    const message = `A prompt can have at most ${studioLimits.maxAttachments} files. Remove some.`;
    throw new HoldfastError("attachment", "too_many", message, { statusCode: 400 });
  }
  const views: AttachmentView[] = [];
  for (const id of new Set(ids)) {
    requireText(id, "The id of a file", 100);
    views.push(await call<AttachmentView>(c, id, "give", task, person));
  }
  if (views.reduce((sum, { bytes }) => sum + bytes, 0) > studioLimits.maxAttachmentsBytes) {
    const most = Math.floor(studioLimits.maxAttachmentsBytes / 1024 / 1024);
    const message = `The files of a prompt can have at most ${most} MiB together. Remove some.`;
    throw new HoldfastError("attachment", "too_large", message, { statusCode: 413 });
  }
  return views;
}

/** Gives uploaded files to a task that is about to be created, with its first prompt. Throws as {@link bindAttachments}. */
export async function withAttachments(
  c: ActorCaller,
  task: TaskInput,
  person: string,
  ids: readonly string[] | undefined,
): Promise<TaskInput> {
  const attachments = await bindAttachments(c, task.taskId, person, ids);
  return attachments.length === 0 ? task : { ...task, attachments };
}

/** Deletes files. One that is gone already counts as deleted. */
export async function eraseAttachments(c: ActorCaller, ids: readonly string[]): Promise<void> {
  for (const id of ids)
    await call(c, id, "erase").catch((error: unknown) => {
      if (!isErrorCode(error, "attachment", "not_found")) throw error;
    });
}

async function call<Result>(c: ActorCaller, id: string, name: string, ...args: unknown[]): Promise<Result> {
  try {
    return await c
      .client()
      .get("attachment", [id])
      .action<Result>({ name: `internal.${name}`, args });
  } catch (error) {
    const isUnknown = isErrorCode(error, "actor", "not_found") || isErrorCode(error, "actor", "invalid_key");
    throw isUnknown ? attachmentNotFound() : error;
  }
}
