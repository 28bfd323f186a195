import { decodeText, type FileRef, type TextFile, type UnreadableFile } from "@holdfast/web-parts/sandbox";
import { saveBlob } from "@holdfast/web-parts/save-blob";
import type { SavedFolder } from "../../../../contract.ts";
import type { StudioApi } from "../../../shared/port.ts";
import { workspaceRoot } from "../../task-sandbox.ts";
import { imageType } from "../file-kind.ts";
import type { FileSource, Matches, TreeEntry } from "./file-source.ts";

const maxTextBytes = 1_048_576;

/** The files of a task as they were seen last, which the host has: no sandbox runs for them. */
export class SavedFiles implements FileSource {
  readonly scope: string;
  readonly #api: StudioApi;
  readonly #taskId: string;
  readonly #tree: string;

  constructor(api: StudioApi, taskId: string, { tree }: Pick<SavedFolder, "tree">) {
    this.#api = api;
    this.#taskId = taskId;
    this.#tree = tree;
    this.scope = `${taskId}@${tree}`;
  }

  async entries(directory: FileRef): Promise<readonly TreeEntry[]> {
    const path = inWorkspace(directory);
    const request = { tree: this.#tree, ...(path === "" ? {} : { path }) };
    const { entries } = await this.#api.task(this.#taskId).savedFolder(request);
    return entries.map(({ name, kind, size = 0 }) => ({
      ...{ name, path: `${directory}/${name}`, size },
      entryType: kind === "folder" ? "directory" : "file",
      ...(kind === "link" ? { target: "" } : {}),
    }));
  }

  async search(where: "names" | "contents", text: string): Promise<Matches> {
    const request = { tree: this.#tree, where, text };
    const { matches, truncated } = await this.#api.task(this.#taskId).searchSaved(request);
    return {
      truncated,
      matches: matches.map((each) => ({ ...each, path: `${workspaceRoot}/${each.path}` })),
    };
  }

  async read(file: FileRef, signal: AbortSignal): Promise<TextFile | UnreadableFile> {
    const first = await this.#part(file, 0);
    if (first.size > maxTextBytes) return { size: first.size, reason: "large" };
    return decodeText(await this.#bytes(file, first, signal));
  }

  async imageUrl(file: FileRef): Promise<string> {
    const bytes = await this.#bytes(file, await this.#part(file, 0));
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    return `data:${imageType(file)};base64,${btoa(text)}`;
  }

  async download(file: FileRef, name: string): Promise<void> {
    saveBlob(new Blob([await this.#bytes(file, await this.#part(file, 0))]), name);
  }

  #part(file: FileRef, from: number) {
    return this.#api.task(this.#taskId).fileBytes({ tree: this.#tree, path: inWorkspace(file), from });
  }

  async #bytes(
    file: FileRef,
    first: { readonly bytes: string; readonly size: number; readonly next: number | null },
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(first.size);
    let at = 0;
    for (let part = first; ; ) {
      const text = atob(part.bytes);
      for (let index = 0; index < text.length; index += 1) bytes[at + index] = text.charCodeAt(index);
      at += text.length;
      if (part.next === null) return bytes;
      signal?.throwIfAborted();
      part = await this.#part(file, part.next);
    }
  }
}

function inWorkspace(file: FileRef): string {
  return file.slice(workspaceRoot.length + 1);
}
