import fuzzysort from "fuzzysort";
import type { Place } from "../cluster/place.ts";
import type { Repositories } from "../cluster/repositories.ts";
import type { FoundFiles } from "../contract/prompts.ts";
import type { Git } from "./git.ts";

/** The names of all files of a commit. */
const maxListBytes = 64 * 1024 * 1024;
const maxFound = 20;
/** Commits whose files stay in memory. */
const maxKept = 4;

export interface FileFinderOptions {
  readonly git: Git;
  readonly repositories: Pick<Repositories, "find">;
  readonly place: Place;
  /** The host's copy of the repository of a task. */
  readonly hostGit: (taskId: string) => string;
}

/** Finds files by parts of their paths. Keeps the lists of a few commits, for somebody who types. */
export class FileFinder {
  readonly #options: FileFinderOptions;
  readonly #lists = new Map<string, Promise<readonly string[]>>();

  constructor(options: FileFinderOptions) {
    this.#options = options;
  }

  /** Files of a commit of a task. */
  inTask(taskId: string, commit: string, query: string): Promise<FoundFiles> {
    return this.#find(["--git-dir", this.#options.hostGit(taskId)], commit, query);
  }

  /** Files of the last commit of a folder; none if it is at another node. Throws `repository.*`. */
  async inRepository(path: string, query: string): Promise<FoundFiles> {
    const { repositories, place } = this.#options;
    const found = await repositories.find(path);
    if (found.node !== undefined && found.node !== place.node) return { paths: [], total: 0 };
    return this.#find(["-C", found.path], found.commit, query);
  }

  async #find(repository: readonly string[], commit: string, query: string): Promise<FoundFiles> {
    const paths = await this.#list(repository, commit);
    if (query === "") return { paths: paths.slice(0, maxFound), total: paths.length };
    const found = fuzzysort.go(query, paths, { limit: maxFound });
    return { paths: found.map(({ target }) => target), total: found.total };
  }

  #list(repository: readonly string[], commit: string): Promise<readonly string[]> {
    const list = this.#lists.get(commit) ?? this.#read(repository, commit);
    // The one that was used last is at the end.
    this.#lists.delete(commit);
    this.#lists.set(commit, list);
    for (const oldest of [...this.#lists.keys()].slice(0, -maxKept)) this.#lists.delete(oldest);
    list.catch(() => this.#lists.delete(commit));
    return list;
  }

  async #read(repository: readonly string[], commit: string): Promise<readonly string[]> {
    const args = [...repository, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit];
    const listed = await this.#options.git.run(args, { maxOutputBytes: maxListBytes });
    return listed.toString("utf8").split("\0").filter(Boolean);
  }
}
