import { HoldfastError } from "@holdfast/core";
import type { ContentBlock } from "@holdfast/sandbox-client";
import { agentLimits } from "../limits.ts";
import { asRecord, isRecord, textField } from "./json.ts";
import type { UiPart } from "./messages.ts";

/** Text, or the parts of a user's message: text and files as data URLs. */
export type Prompt = string | readonly PromptPart[];

/** A part of a user's message. */
export type PromptPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "file"; readonly mediaType: string; readonly url: string; readonly filename?: string };

/** Returns the parts of a prompt. Throws `agent.invalid_prompt`. */
export function readPrompt(prompt: unknown): UiPart[] {
  const parts = typeof prompt === "string" ? [{ type: "text", text: prompt }] : prompt;
  if (!Array.isArray(parts)) throw invalid("it is neither text nor a list of parts");
  const read = parts.flatMap(readPart);
  if (read.length === 0 || read.every((part) => part.type === "text" && part.text.trim() === ""))
    throw invalid("it is empty");
  if (JSON.stringify(read).length > agentLimits.maxPromptBytes)
    throw invalid(`it is larger than ${agentLimits.maxPromptBytes} bytes`);
  return read;
}

/** What an agent is sent for the parts of a prompt. */
export function promptBlocks(parts: readonly UiPart[]): ContentBlock[] {
  return parts.flatMap((part): ContentBlock[] => {
    if (part.type === "text") return [{ type: "text", text: part.text }];
    if (part.type !== "file") return [];
    const { mediaType, data } = readDataUrl(part.url);
    if (mediaType.startsWith("image/")) return [{ type: "image", data, mimeType: mediaType }];
    const uri = `file:///${encodeURIComponent(part.filename ?? "attachment")}`;
    return [{ type: "resource", resource: { uri, blob: data, mimeType: mediaType } }];
  });
}

function readPart(part: unknown): UiPart[] {
  const record = asRecord(part);
  const [text, mediaType, url] = ["text", "mediaType", "url"].map((name) => textField(record, name));
  if (record.type === "text" && text !== undefined) return [{ type: "text", text }];
  if (record.type === "file" && mediaType !== undefined && url !== undefined) {
    readDataUrl(url);
    const filename = textField(record, "filename");
    return [{ type: "file", mediaType, url, ...(filename === undefined ? {} : { filename }) }];
  }
  // Parts that a program adds to its own messages mean nothing to an agent.
  if (isRecord(part) && typeof part.type === "string" && part.type.startsWith("data-")) return [];
  throw invalid("a part is neither text nor a file");
}

function readDataUrl(url: string): { mediaType: string; data: string } {
  const [, mediaType, data] =
    /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w=.+-]+)*;base64,([A-Za-z0-9+/=]*)$/.exec(url) ?? [];
  if (mediaType === undefined || data === undefined)
    throw invalid('a file is not a data URL in base64, such as "data:image/png;base64,..."');
  return { mediaType, data };
}

function invalid(why: string): HoldfastError {
  return new HoldfastError("agent", "invalid_prompt", `The prompt cannot be sent: ${why}`, {
    statusCode: 400,
  });
}
