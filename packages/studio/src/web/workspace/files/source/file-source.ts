/** Where files are read from: a running sandbox, or their saved state. */
import type { FsEntry } from "@holdfast/sandbox-client";
import type { FileRef, TextFile, UnreadableFile } from "@holdfast/web-parts/sandbox";
import { createContext, useContext } from "react";

export interface TreeEntry extends FsEntry {
  readonly pathBase64?: string;
  readonly ignored?: boolean;
  /** Of a symbolic link. */
  readonly target?: string;
}

export interface Match {
  readonly path: string;
  readonly pathBase64?: string;
  readonly line?: number;
  readonly text?: string;
}

export interface Matches {
  readonly matches: readonly Match[];
  readonly truncated: boolean;
}

/** Where the files are read from: the sandbox while it runs, else their saved state. */
export interface FileSource {
  /** Keeps what was read of different sources apart. */
  readonly scope: string;
  entries(directory: FileRef, signal: AbortSignal): Promise<readonly TreeEntry[]>;
  search(where: "names" | "contents", text: string, signal: AbortSignal): Promise<Matches>;
  read(file: FileRef, signal: AbortSignal): Promise<TextFile | UnreadableFile>;
  /** Address of an image. */
  imageUrl(file: FileRef, version: string): Promise<string>;
  download(file: FileRef, name: string): Promise<void>;
}

const Context = createContext<FileSource | undefined>(undefined);
export const FileSourceProvider = Context.Provider;

export function useFileSource(): FileSource {
  const source = useContext(Context);
  if (source === undefined) throw new Error("useFileSource must be used inside a FileSourceProvider");
  return source;
}
