/** What the actor of a file is given, and what it says of one that it does not have. */
import { HoldfastError } from "@holdfast/core";
import type { AttachmentView } from "../contract/prompts.ts";

/** A file to store, before its pieces. */
export interface AttachmentInput {
  readonly attachment: AttachmentView;
  readonly person: string;
  readonly pieces: number;
}

/** Bytes of a piece: as base64 it fits into one answer of an actor. */
export const attachmentPieceBytes = 512 * 1024;

export interface AttachmentPiece {
  /** Base64. */
  readonly piece: string;
  readonly index: number;
}

export function attachmentNotFound(): HoldfastError {
  const message =
    "An attached file is not there any more. Files that are not sent are kept for a week. Add it again.";
  return new HoldfastError("attachment", "not_found", message, { statusCode: 404 });
}
