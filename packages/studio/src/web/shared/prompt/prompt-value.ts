import type { AttachmentView } from "../../../contract.ts";

/** What a prompt box has: text, and files that are uploaded. */
export interface PromptValue {
  readonly text: string;
  readonly attachments: readonly AttachmentView[];
}

export const emptyPrompt: PromptValue = { text: "", attachments: [] };

export type ChangePrompt = (change: (value: PromptValue) => PromptValue) => void;

export function isEmptyPrompt({ text, attachments }: PromptValue): boolean {
  return text === "" && attachments.length === 0;
}

/** Reads a value that this browser has stored. Earlier versions stored the text alone. */
export function readPromptValue(kept: unknown): PromptValue | undefined {
  if (typeof kept === "string") return { text: kept, attachments: [] };
  if (typeof kept !== "object" || kept === null) return undefined;
  const { text, attachments } = kept as { readonly text?: unknown; readonly attachments?: unknown };
  if (typeof text !== "string") return undefined;
  return { text, attachments: Array.isArray(attachments) ? attachments.filter(isAttachment) : [] };
}

function isAttachment(value: unknown): value is AttachmentView {
  const { id, name, mediaType, bytes } = (value ?? {}) as Partial<Record<keyof AttachmentView, unknown>>;
  return [id, name, mediaType].every((each) => typeof each === "string") && typeof bytes === "number";
}
