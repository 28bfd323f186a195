import { saveBlob } from "../save-blob.ts";
import { type FileRef, fileRefQuery, formatFileRef } from "./file-ref.ts";
import type { SandboxHttp } from "./sandbox-http.ts";

/** What the functions here need of a client. */
type Http = Pick<SandboxHttp, "send" | "json">;

/** Maximum size of a file that is shown and edited as text. */
const maxTextBytes = 1_048_576;
/** Maximum size of a download, which is held in the browser's memory. */
const maxDownloadBytes = 268_435_456;

/** The UTF-8 bytes of a text as a binary string for `btoa`. */
function toBinaryString(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

export function baseName(path: string): string {
  return path.split("/").findLast((part) => part !== "") ?? path;
}

export function join(directory: FileRef, name: string): FileRef {
  if (!directory.startsWith("base64:")) return `${directory.replace(/\/+$/, "")}/${name}`;
  return `base64:${btoa(`${atob(directory.slice(7))}/${toBinaryString(name)}`)}`;
}

/** Breadcrumbs of a path: each parent directory, and the path itself last. */
export function breadcrumbs(path: string): readonly { readonly name: string; readonly path: string }[] {
  const parts = path.split("/").filter((part) => part !== "");
  const isAbsolute = path.startsWith("/");
  const named = parts.map((name, index) => ({
    name,
    path: `${isAbsolute ? "/" : ""}${parts.slice(0, index + 1).join("/")}`,
  }));
  return isAbsolute ? [{ name: "/", path: "/" }, ...named] : named;
}

export interface TextFile {
  readonly text: string;
  /** The entity tag of the version; absent if the server has none. */
  readonly etag?: string;
  readonly size: number;
}

/** A file that is not shown as text, and the reason. */
export interface UnreadableFile {
  readonly size: number;
  /** The entity tag of the version. */
  readonly etag?: string;
  readonly reason: "large" | "binary";
}

export async function readText(
  api: Http,
  fileRef: FileRef,
  signal: AbortSignal,
): Promise<TextFile | UnreadableFile> {
  const query = fileRefQuery(fileRef);
  const { size, etag: found } = await api.json<{ size: number; etag?: string }>("/v1/fs/stat", {
    query,
    signal,
  });
  const unreadable = (reason: UnreadableFile["reason"]): UnreadableFile => ({
    ...{ size, reason },
    ...(found === undefined ? {} : { etag: found }),
  });
  if (size > maxTextBytes) return unreadable("large");
  const response = await api.send("/v1/fs/file", { query, signal });
  const etag = response.headers.get("etag");
  const read = decodeText(new Uint8Array(await response.arrayBuffer()));
  if (!("text" in read)) return unreadable("binary");
  return { ...read, ...(etag === null ? {} : { etag }) };
}

/** The text of a file's bytes; bytes that are not UTF-8 are not shown. */
export function decodeText(bytes: Uint8Array): TextFile | UnreadableFile {
  const size = bytes.length;
  if (bytes.includes(0)) return { size, reason: "binary" };
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, size };
  } catch {
    return { size, reason: "binary" };
  }
}

/** Writes a file over the version that was read, and returns the new version; 412 if it has changed. */
export async function saveText(
  api: Http,
  fileRef: FileRef,
  text: string,
  etag: string | undefined,
): Promise<TextFile> {
  const response = await api.send("/v1/fs/file", {
    method: "PUT",
    query: fileRefQuery(fileRef),
    headers: {
      "content-type": "application/octet-stream",
      ...(etag === undefined ? {} : { "if-match": etag }),
    },
    body: text,
  });
  const written = response.headers.get("etag");
  const size = new TextEncoder().encode(text).length;
  return { text, size, ...(written === null ? {} : { etag: written }) };
}

/** Uploads a file into a directory; 412 if one with its name exists, unless it is to be replaced. */
export async function upload(
  api: Http,
  directory: FileRef,
  file: Pick<File, "name"> & Blob,
  replace: boolean,
): Promise<void> {
  await api.send("/v1/fs/file", {
    method: "PUT",
    query: fileRefQuery(join(directory, file.name)),
    headers: { "content-type": "application/octet-stream", ...(replace ? {} : { "if-none-match": "*" }) },
    body: file,
  });
}

/** Downloads a file, or a directory as a tar archive. */
export async function download(api: Http, fileRef: FileRef, name: string, archive: boolean): Promise<void> {
  const path = archive ? "/v1/fs/archive" : "/v1/fs/file";
  const response = await api.send(path, { query: fileRefQuery(fileRef) });
  const blob = await readBlob(
    response,
    `Use the command line: holdfast sandbox fs cat ${formatFileRef(fileRef)}`,
  );
  saveBlob(blob, archive ? `${name}.tar` : name);
}

/**
 * The body of a response, whose length may be unknown. `advice` says what to do with one that is too large for a
 * browser. Some browsers cannot iterate streams.
 */
export async function readBlob(response: Response, advice: string): Promise<Blob> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const reader = response.body?.getReader();
  for (let size = 0; reader !== undefined; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > maxDownloadBytes) {
      // The thrown error is the reason; errors of cancelling are ignored.
      await reader.cancel().catch(() => {});
      throw new Error(`The file is too large for a browser. ${advice}`);
    }
    chunks.push(value);
  }
  return new Blob(chunks);
}
