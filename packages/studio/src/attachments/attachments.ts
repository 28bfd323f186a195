/**
 * Files that come with prompts. Each is an actor, so that every node has it, and belongs to whoever uploaded it until it is
 * sent with a prompt of a task.
 */
import { HoldfastError, isErrorCode, type Ports, uuidv7 } from "@holdfast/core";
import type { ValueTokens } from "../backend/value-tokens.ts";
import type { AttachmentView } from "../contract/prompts.ts";
import type { StudioLimits } from "../limits.ts";
import { attachmentNameProblem } from "./attachment-name.ts";
import { mediaTypeOf } from "./sniff.ts";
import {
  type AttachmentInput,
  type AttachmentPiece,
  attachmentNotFound,
  attachmentPieceBytes,
} from "./stored.ts";

interface AttachmentClient {
  get(name: string, key: string[]): { action<Result>(options: CallOptions): Promise<Result> };
  getOrCreate(
    name: string,
    key: string[],
    options?: { readonly createWithInput: unknown },
  ): { resolve(): Promise<string> };
}

interface CallOptions {
  readonly name: string;
  readonly args: readonly unknown[];
}

export interface AttachmentsOptions {
  readonly ports: Ports;
  readonly limits: Pick<StudioLimits, "maxAttachmentBytes">;
  readonly client: () => AttachmentClient;
  readonly valueTokens: () => ValueTokens;
}

export interface AttachmentContent extends AttachmentView {
  readonly content: Buffer;
}

export class Attachments {
  readonly #options: AttachmentsOptions;

  constructor(options: AttachmentsOptions) {
    this.#options = options;
  }

  /** Stores a file for a person; durable when it resolves. Throws `attachment.invalid_name`, `.empty`, `.too_large`. */
  async add(person: string, name: string, content: Buffer): Promise<AttachmentView> {
    const { ports, limits } = this.#options;
    const problem = attachmentNameProblem(name);
    if (problem !== undefined)
      throw new HoldfastError("attachment", "invalid_name", problem, { statusCode: 400 });
    if (content.length === 0)
      throw new HoldfastError("attachment", "empty", "The file is empty.", { statusCode: 400 });
    if (content.length > limits.maxAttachmentBytes) throw tooLarge(limits.maxAttachmentBytes);
    const pieces = Math.ceil(content.length / attachmentPieceBytes);
    const view: AttachmentView = {
      ...{ id: uuidv7(ports.clock, ports.random), name },
      ...{ mediaType: mediaTypeOf(content), bytes: content.length },
    };
    const input: AttachmentInput = { attachment: view, person, pieces };
    await this.#handOver(input, (token) =>
      this.#options.client().getOrCreate("attachment", [view.id], { createWithInput: { token } }).resolve(),
    );
    for (let index = 0; index < pieces; index++) {
      const piece = content
        .subarray(index * attachmentPieceBytes, (index + 1) * attachmentPieceBytes)
        .toString("base64");
      const part: AttachmentPiece = { piece, index };
      await this.#handOver(part, (token) => this.#call(view.id, "write", token));
    }
    return view;
  }

  /** Reads a file; for a person in an organization, only if they may see it. Throws `attachment.not_found`. */
  async read(
    id: string,
    viewer?: { readonly person: string; readonly organization: string },
  ): Promise<AttachmentContent> {
    const { pieces, ...view } = await this.#call<AttachmentView & { readonly pieces: number }>(
      ...[id, "describe"],
      ...(viewer === undefined ? [] : [viewer]),
    );
    const parts: Buffer[] = [];
    for (let index = 0; index < pieces; index++)
      parts.push(Buffer.from(await this.#call<string>(id, "read", index), "base64"));
    return { ...view, content: Buffer.concat(parts) };
  }

  async #handOver(value: unknown, pass: (token: string) => Promise<unknown>): Promise<void> {
    const valueTokens = this.#options.valueTokens();
    const token = valueTokens.put(value);
    try {
      await pass(token);
    } finally {
      valueTokens.drop(token);
    }
  }

  async #call<Result>(id: string, name: string, ...args: unknown[]): Promise<Result> {
    try {
      return await this.#options
        .client()
        .get("attachment", [id])
        .action<Result>({ name: `internal.${name}`, args });
    } catch (error) {
      const isUnknown =
        isErrorCode(error, "actor", "not_found") || isErrorCode(error, "actor", "invalid_key");
      throw isUnknown ? attachmentNotFound() : error;
    }
  }
}

export function tooLarge(maxBytes: number): HoldfastError {
  const message = `A file can have at most ${Math.floor(maxBytes / 1024 / 1024)} MiB. Put larger ones into the repository.`;
  return new HoldfastError("attachment", "too_large", message, { statusCode: 413 });
}
