import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import type {
  CoreServices,
  PluginContext,
  PluginHandler,
  PluginServices,
  SharedFolder,
  ToolInvocationResult,
} from "@holdfast/gate/plugin";
import { fillNewFolder, removeStaleFolders } from "./new-folder.ts";
import { type Author, Repository, refused } from "./repository.ts";

const listedFiles = 200;
const maxEntries = 20_000;

/** Git tools for agents without access to the git host. Exchanges commits with the folders that the operator shares. */
class GitHandler implements PluginHandler {
  #base: string | undefined;
  #data = "";
  #folders: Readonly<Record<string, SharedFolder>> = {};
  #groups: readonly string[] | undefined;
  #author: Author = { name: "Holdfast", email: "holdfast@localhost" };
  /** Tail of the calls. They run one after another, since they share a history. */
  #queue: Promise<unknown> = Promise.resolve();

  async initialize(services: CoreServices & Partial<PluginServices>): Promise<void> {
    const { egress = {}, folders = {}, config = {}, dataDirectory = "" } = services;
    const { name, email, groups } = config;
    this.#base = egress["git"];
    this.#data = dataDirectory;
    this.#folders = folders;
    this.#groups = Array.isArray(groups) ? groups.map(String) : undefined;
    this.#author = {
      name: parseLine(name ?? this.#author.name, "name"),
      email: parseLine(email ?? this.#author.email, "email"),
    };
    const writableFolders = Object.values(folders).filter(({ mode }) => mode === "rw");
    // Cleans up before the first call, without delaying the start.
    this.#queue = Promise.all(writableFolders.map(({ path }) => removeStaleFolders(path)));
  }

  async handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    { group, signal }: PluginContext,
  ): Promise<ToolInvocationResult> {
    if (this.#groups !== undefined && !this.#groups.includes(group)) {
      throw refused("The operator does not allow git for this group", undefined, "NOT_ALLOWED");
    }
    const repository = this.#repository(args["repository"]);
    const run = this.#queue.then(() => this.#call(tool, repository, args, signal));
    this.#queue = run.catch(() => {});
    return { ok: true, result: await run };
  }

  async #call(
    tool: string,
    repository: Repository,
    args: Record<string, unknown>,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, unknown>> {
    signal?.throwIfAborted();
    switch (tool) {
      case "git_branches":
        return { branches: await repository.branches(signal) };
      case "git_fetch": {
        const directory = this.#directory(args, "new");
        const commit = await repository.fetch(parseBranch(args["branch"], "branch"), "branch", signal);
        return {
          commit,
          files: await fillNewFolder(directory, (at) => repository.checkOut(commit, at, signal)),
        };
      }
      case "git_push": {
        const directory = this.#directory(args, "there");
        const branch = parseBranch(args["branch"], "branch");
        const message = String(args["message"] ?? "").toWellFormed();
        if (message.trim() === "" || message.includes("\0"))
          throw refused("The commit message is empty or contains a null character", "message");
        const from = args["base"] ? "base" : "branch";
        const parent = await repository.fetch(parseBranch(args[from], from), from, signal);
        const commit = await repository.commit(parent, directory, message, signal);
        if (commit === undefined) throw refused("There are no changes to push", undefined, "NOTHING_TO_PUSH");
        await repository.push(commit.commit, branch, signal);
        return {
          commit: commit.commit,
          branch,
          changed: commit.files.length,
          files: commit.files.slice(0, listedFiles),
        };
      }
      default:
        throw refused(`Unknown tool: "${tool}"`);
    }
  }

  #repository(value: unknown): Repository {
    if (this.#base === undefined) {
      throw refused("The operator has not configured any repository", undefined, "NOT_CONFIGURED");
    }
    const name = String(value);
    if (
      !/^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/.test(name) ||
      name.endsWith(".git")
    ) {
      throw refused("A repository is its path on the git host, without .git", "repository");
    }
    return new Repository(this.#base, name, this.#data, this.#author);
  }

  /** Resolves the working folder, below a shared folder and never through a link. */
  #directory(args: Record<string, unknown>, wanted: "new" | "there"): string {
    const name = String(args["folder"]);
    const sharedFolder = Object.hasOwn(this.#folders, name) ? this.#folders[name] : undefined;
    if (sharedFolder === undefined)
      throw refused(`No such shared folder. Available: ${Object.keys(this.#folders).join(", ")}`, "folder");
    if (wanted === "new" && sharedFolder.mode !== "rw")
      throw refused("The folder is shared read-only", "folder");
    const segments = String(args["path"] ?? "").split("/");
    if (segments.some((each) => !/^[^\0/]{1,255}$/.test(each) || /^\.\.?$|^\.git$/i.test(each))) {
      throw refused("The path must be relative, without empty components, . or .., or .git", "path");
    }
    let at = sharedFolder.path;
    let exists = true;
    for (const segment of segments) {
      at = join(at, segment);
      const stat: Stats | undefined = exists ? lstatSync(at, { throwIfNoEntry: false }) : undefined;
      exists = stat !== undefined;
      if (stat !== undefined && !stat.isDirectory())
        throw refused("A component of the path is not a folder", "path");
    }
    if (wanted === "new" && exists && readdirSync(at).length > 0)
      throw refused("The folder is not empty", "path");
    if (wanted === "there" && !exists) throw refused("No such folder", "path", "NOT_FOUND");
    if (wanted === "there") refuseNestedRepositories(at);
    return at;
  }

  async shutdown(): Promise<void> {
    await this.#queue;
  }
}

/** Refuses nested repositories: git would read them, with settings that an agent may have written. */
function refuseNestedRepositories(directory: string): void {
  const pending = [directory];
  let entries = 0;
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      entries += 1;
      if (entries > maxEntries) throw refused(`The folder has more than ${maxEntries} entries`, "path");
      if (/^\.git$/i.test(entry.name)) throw refused("The folder contains a git repository", "path");
      if (entry.isDirectory()) pending.push(join(at, entry.name));
    }
  }
}

function parseBranch(value: unknown, field: string): string {
  const name = String(value);
  const plain = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/.test(name);
  if (!plain || name.length > 200 || /\.\.|\.lock(?:\/|$)|\.(?:\/|$)/.test(name)) {
    throw refused("This is not a valid branch name", field);
  }
  return name;
}

function parseLine(value: unknown, field: string): string {
  const text = String(value);
  if (/[\p{Cc}<>]/u.test(text))
    throw new Error(`The ${field} of the author must be one line without < and >`);
  return text;
}

export default new GitHandler();
