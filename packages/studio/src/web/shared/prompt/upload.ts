/** Files on their way to the server. They are outside of the component: an upload may outlive the page that began it. */

import { fromWireError, HoldfastError } from "@holdfast/core";
import { useSyncExternalStore } from "react";
import { attachmentNameProblem } from "../../../attachments/attachment-name.ts";
import type { AttachmentView } from "../../../contract.ts";
import { studioLimits } from "../../../limits.ts";
import { currentOrganization } from "../organizations/current.ts";

export interface Upload {
  readonly key: string;
  readonly file: File;
  /** Why it has failed; undefined while it runs. */
  readonly problem: string | undefined;
}

/** The uploads of one prompt. */
class Uploads {
  #list: readonly Upload[] = [];
  #next = 1;
  readonly #listeners = new Set<() => void>();

  get list(): readonly Upload[] {
    return this.#list;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** `onDone` is called with the uploaded file, also after the component is gone. */
  start(file: File, onDone: (view: AttachmentView) => void): void {
    const key = String(this.#next);
    this.#next += 1;
    this.#set([...this.#list, { key, file, problem: undefined }]);
    void this.#run(key, file, onDone);
  }

  retry(key: string, onDone: (view: AttachmentView) => void): void {
    const upload = this.#list.find((each) => each.key === key);
    if (upload === undefined) return;
    this.#set(this.#list.map((each) => (each.key === key ? { ...each, problem: undefined } : each)));
    void this.#run(key, upload.file, onDone);
  }

  remove(key: string): void {
    this.#set(this.#list.filter((each) => each.key !== key));
  }

  async #run(key: string, file: File, onDone: (view: AttachmentView) => void): Promise<void> {
    try {
      const view = await uploadFile(file);
      // It was removed while it ran.
      if (!this.#list.some((each) => each.key === key)) return;
      this.remove(key);
      onDone(view);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.#set(this.#list.map((each) => (each.key === key ? { ...each, problem } : each)));
    }
  }

  #set(list: readonly Upload[]): void {
    this.#list = list;
    for (const listener of this.#listeners) listener();
  }
}

const all = new Map<string, Uploads>();

/** The uploads of a prompt, by the scope of its draft. */
export function useUploads(scope: string): { readonly uploads: Uploads; readonly list: readonly Upload[] } {
  let uploads = all.get(scope);
  if (uploads === undefined) {
    uploads = new Uploads();
    all.set(scope, uploads);
  }
  const known = uploads;
  return { uploads, list: useSyncExternalStore(known.subscribe, () => known.list) };
}

/** Throws the server's error, and `client.network_error` if it does not answer. */
async function uploadFile(file: File): Promise<AttachmentView> {
  const path = `${attachmentsPath()}?name=${encodeURIComponent(file.name)}`;
  let response: Response;
  try {
    response = await fetch(path, {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/octet-stream" },
      body: file,
    });
  } catch (cause) {
    throw new HoldfastError("client", "network_error", "The server does not answer. Try again.", { cause });
  }
  const answer = (await response.json().catch(() => ({}))) as Readonly<Record<string, unknown>>;
  if (response.ok) return answer as unknown as AttachmentView;
  throw fromWireError({ ...answer, message: answer["message"] ?? answer["detail"] }, response.status);
}

const attachmentsPath = () => `/organizations/${currentOrganization()}/attachments`;

export function attachmentUrl(id: string): string {
  return `${attachmentsPath()}/${id}`;
}

/** A file that somebody adds, as the browser gives it. */
export interface AddedFile {
  readonly file: File;
  readonly isFolder: boolean;
}

/** Which files can be added to those that a prompt has, and what to tell about the others. */
export function checkFiles(
  added: readonly AddedFile[],
  present: number,
): { readonly files: readonly File[]; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const files: File[] = [];
  const { maxAttachments, maxAttachmentBytes } = studioLimits;
  let beyond = 0;
  for (const { file, isFolder } of added) {
    const problem = isFolder ? folderProblem(file.name) : fileProblem(file, maxAttachmentBytes);
    if (problem !== undefined) problems.push(problem);
    else if (present + files.length >= maxAttachments) beyond += 1;
    else files.push(file);
  }
  if (beyond > 0) {
    const rest = beyond === 1 ? "1 file was not added" : `${beyond} files were not added`;
    problems.push(`A prompt can have at most ${maxAttachments} files: ${rest}.`);
  }
  return { files, problems };
}

function folderProblem(name: string): string {
  return `“${name}” is a folder. Add its files, or mention files of the repository with @.`;
}

function fileProblem({ name, size }: File, maxBytes: number): string | undefined {
  const shown = name.replaceAll(/[\p{Cc}\u2028\u2029]/gu, "?").slice(0, 60);
  const problem = attachmentNameProblem(name);
  if (problem !== undefined) return `“${shown}” was not added. ${problem}`;
  if (size === 0) return `“${shown}” was not added, because it is empty.`;
  if (size <= maxBytes) return undefined;
  return `“${shown}” was not added: it has ${Math.ceil(size / 1024 / 1024)} MiB, and a file can have at most ${maxBytes / 1024 / 1024}. Put it into the repository.`;
}

/** Told about a file whose bytes are not what its name or its source says. */
export function typeProblem(file: File, { name, mediaType }: AttachmentView): string | undefined {
  if (!file.type.startsWith("image/") || file.type === "image/svg+xml" || mediaType.startsWith("image/"))
    return undefined;
  return `“${name}” is not an image, whatever its name says. It is attached as a file.`;
}

/** The files of a paste or a drop. Entries tell folders from files. */
export function filesOf(data: DataTransfer): readonly AddedFile[] {
  return [...data.items].flatMap((item) => {
    if (item.kind !== "file") return [];
    const file = item.getAsFile();
    return file === null ? [] : [{ file, isFolder: item.webkitGetAsEntry?.()?.isDirectory === true }];
  });
}
