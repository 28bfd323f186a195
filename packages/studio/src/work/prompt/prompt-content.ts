/** A prompt with files as ACP content. Source: ACP, content blocks and prompt capabilities. */
import type { AttachmentContent } from "../../attachments/attachments.ts";
import { textType } from "../../attachments/sniff.ts";
import type { StudioLimits } from "../../limits.ts";
import { field } from "../../transcript/read.ts";

/** What an agent takes in a prompt besides text. */
export interface PromptCapabilities {
  readonly image?: boolean;
  readonly embeddedContext?: boolean;
}

export type ContentBlock =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly mimeType: string; readonly data: string }
  | {
      readonly type: "resource";
      readonly resource: { readonly uri: string; readonly mimeType: string; readonly text: string };
    };

interface PlacedFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly content: Uint8Array;
}

/** Where files are placed that an agent does not take. Git ignores the folder, so that they are no changes. */
const folder = ".holdfast/attachments";

export function readPromptCapabilities(value: unknown): PromptCapabilities {
  return {
    image: field(value, "image") === true,
    embeddedContext: field(value, "embeddedContext") === true,
  };
}

/** The blocks of a prompt, and the files that have to be in the workspace before it is sent. */
export function promptContent(
  text: string,
  files: readonly AttachmentContent[],
  capabilities: PromptCapabilities,
  limits: Pick<StudioLimits, "maxInlineImageBytes" | "maxInlineTextBytes">,
): { readonly blocks: readonly ContentBlock[]; readonly placed: readonly PlacedFile[] } {
  const inline: ContentBlock[] = [];
  const placed: (PlacedFile & { readonly about: string })[] = [];
  for (const file of files) {
    const block = inlineBlock(file, capabilities, limits);
    if (block !== undefined) inline.push(block);
    else placed.push(placedFile(file));
  }
  const names = placed.map(({ path, about }) => `- ${path} (${about})`).join("\n");
  const told = placed.length === 0 ? text : `${text}\n\nAttached files, in the workspace:\n${names}`;
  const ignore = { path: `${folder}/.gitignore`, content: Buffer.from("*\n") };
  return {
    blocks: [{ type: "text", text: told }, ...inline],
    placed: placed.length === 0 ? [] : [ignore, ...placed.map(({ path, content }) => ({ path, content }))],
  };
}

function inlineBlock(
  { name, mediaType, bytes, content }: AttachmentContent,
  { image, embeddedContext }: PromptCapabilities,
  {
    maxInlineImageBytes,
    maxInlineTextBytes,
  }: Pick<StudioLimits, "maxInlineImageBytes" | "maxInlineTextBytes">,
): ContentBlock | undefined {
  if (image === true && mediaType.startsWith("image/") && bytes <= maxInlineImageBytes)
    return { type: "image", mimeType: mediaType, data: content.toString("base64") };
  if (embeddedContext !== true || mediaType !== textType || bytes > maxInlineTextBytes) return undefined;
  const uri = `attachment:///${encodeURIComponent(name)}`;
  return { type: "resource", resource: { uri, mimeType: textType, text: content.toString("utf8") } };
}

/** The end of the id keeps files of the same name apart. */
function placedFile({ id, name, mediaType, bytes, content }: AttachmentContent) {
  return { path: `${folder}/${id.slice(-6)}-${name}`, content, about: `${mediaType}, ${bytes} bytes` };
}
