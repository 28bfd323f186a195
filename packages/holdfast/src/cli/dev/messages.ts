/** Messages between `holdfast dev` and the process of one version of the program, over the channel of Node. */

/** A source file that a version has loaded. */
export interface LoadedFile {
  readonly path: string;
  /** Of the text that was loaded; undefined for a file that could not be read. */
  readonly hash: string | undefined;
}

export type FromProgram =
  | { readonly type: "loaded"; readonly files: readonly LoadedFile[] }
  /** The program is loaded, and waits for the version before to end. */
  | { readonly type: "waits" }
  | { readonly type: "listens"; readonly port: number; readonly actors: readonly string[] }
  /** The program has run, and created no registry. */
  | { readonly type: "no-registry" };

export type ToProgram = { readonly type: "open" } | { readonly type: "stop" };
