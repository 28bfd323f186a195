/** The routes that upload and show the files of prompts. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError } from "@holdfast/core";
import { operator, type Person } from "../access/person.ts";
import { readBody } from "../http/read-body.ts";
import { type Attachments, tooLarge } from "./attachments.ts";

interface AttachmentCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  readonly person: Person | undefined;
}

/** Takes the body as a file. Its name is a parameter; its type is found in its bytes. */
export async function uploadAttachment(
  attachments: Attachments,
  maxBytes: number,
  { request, response, person }: AttachmentCall,
): Promise<void> {
  const name = new URL(request.url ?? "/", "http://localhost").searchParams.get("name") ?? "";
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const content = await readBody(request, maxBytes).catch((error: unknown) => {
    throw error instanceof HoldfastError ? tooLarge(maxBytes) : error;
  });
  const added = await attachments.add((person ?? operator).id, name, content);
  response.writeHead(201, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(added));
}

/** Sends a file. Only images are shown by a browser; everything else is downloaded. */
export async function sendAttachment(
  attachments: Attachments,
  { response, params, person }: AttachmentCall,
): Promise<void> {
  const { attachment = "", organization = "" } = params;
  const viewer = { person: (person ?? operator).id, organization };
  const { name, mediaType, content } = await attachments.read(attachment, viewer);
  const isImage = mediaType.startsWith("image/");
  const disposition = isImage ? "inline" : "attachment";
  response.writeHead(200, {
    "content-type": isImage ? mediaType : "application/octet-stream",
    "content-length": content.length,
    "content-disposition": `${disposition}; filename*=UTF-8''${encodeURIComponent(name)}`,
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, max-age=86400, immutable",
  });
  response.end(content);
}
