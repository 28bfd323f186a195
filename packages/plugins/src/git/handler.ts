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
import { putWhole, removeUnfinished } from "./new-folder.ts";
import { type Person, Repository, refused } from "./repository.ts";

const listedFiles = 200;
const maxEntries = 20_000;

/** Git for agents that have no way to the git host: between it and the folders that the operator shares. */
class GitHandler implements PluginHandler {
  #base: string | undefined;
  #data = "";
  #folders: Readonly<Record<string, SharedFolder>> = {};
  #groups: readonly string[] | undefined;
  #person: Person = { name: "Holdfast", email: "holdfast@localhost" };
  /** One at a time: each has files of its own, but they share a history. */
  #turn: Promise<unknown> = Promise.resolve();

  async initialize(services: CoreServices & Partial<PluginServices>): Promise<void> {
    const { egress = {}, folders = {}, config = {}, dataDirectory = "" } = services;
    const { name, email, groups } = config;
    this.#base = egress["git"];
    this.#data = dataDirectory;
    this.#folders = folders;
    this.#groups = Array.isArray(groups) ? groups.map(String) : undefined;
    this.#person = {
      name: line(name ?? this.#person.name, "name"),
      email: line(email ?? this.#person.email, "email"),
    };
    const written = Object.values(folders).filter(({ mode }) => mode === "rw");
    // Before the first call, and not for the start to wait for.
    this.#turn = Promise.all(written.map(({ path }) => removeUnfinished(path)));
  }

  async handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    { group, signal }: PluginContext,
  ): Promise<ToolInvocationResult> {
    if (this.#groups !== undefined && !this.#groups.includes(group)) {
      throw refused("The operator keeps git from this group", undefined, "NOT_ALLOWED");
    }
    const repository = this.#repository(args["repository"]);
    const run = this.#turn.then(() => this.#call(tool, repository, args, signal));
    this.#turn = run.catch(() => {});
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
        const commit = await repository.fetch(branchOf(args["branch"], "branch"), "branch", signal);
        return { commit, files: await putWhole(directory, (at) => repository.checkOut(commit, at, signal)) };
      }
      case "git_push": {
        const directory = this.#directory(args, "there");
        const branch = branchOf(args["branch"], "branch");
        const message = String(args["message"] ?? "").toWellFormed();
        if (message.trim() === "" || message.includes("\0"))
          throw refused("A message says something", "message");
        const from = args["base"] ? "base" : "branch";
        const parent = await repository.fetch(branchOf(args[from], from), from, signal);
        const made = await repository.commit(parent, directory, message, signal);
        if (made === undefined)
          throw refused("Nothing is different from there", undefined, "NOTHING_TO_PUSH");
        await repository.push(made.commit, branch, signal);
        return {
          commit: made.commit,
          branch,
          changed: made.files.length,
          files: made.files.slice(0, listedFiles),
        };
      }
      default:
        throw refused(`Unknown tool: "${tool}"`);
    }
  }

  #repository(value: unknown): Repository {
    if (this.#base === undefined) {
      throw refused("The operator has named no repository", undefined, "NOT_CONFIGURED");
    }
    const name = String(value);
    if (
      !/^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/.test(name) ||
      name.endsWith(".git")
    ) {
      throw refused("A repository is its path at the host, without .git", "repository");
    }
    return new Repository(this.#base, name, this.#data, this.#person);
  }

  /** The folder of the files; below a shared one, by no link. */
  #directory(args: Record<string, unknown>, wanted: "new" | "there"): string {
    const name = String(args["folder"]);
    const shared = Object.hasOwn(this.#folders, name) ? this.#folders[name] : undefined;
    if (shared === undefined)
      throw refused(`The folders are: ${Object.keys(this.#folders).join(", ")}`, "folder");
    if (wanted === "new" && shared.mode !== "rw") throw refused("The folder is only read", "folder");
    const segments = String(args["path"] ?? "").split("/");
    if (segments.some((each) => !/^[^\0/]{1,255}$/.test(each) || /^\.\.?$|^\.git$/i.test(each))) {
      throw refused("The path is plain and goes down", "path");
    }
    let at = shared.path;
    let there = true;
    for (const segment of segments) {
      at = join(at, segment);
      const stat: Stats | undefined = there ? lstatSync(at, { throwIfNoEntry: false }) : undefined;
      there = stat !== undefined;
      if (stat !== undefined && !stat.isDirectory())
        throw refused("The path leads over something else than folders", "path");
    }
    if (wanted === "new" && there && readdirSync(at).length > 0)
      throw refused("The folder is not empty", "path");
    if (wanted === "there" && !there) throw refused("There is no such folder", "path", "NOT_FOUND");
    if (wanted === "there") checkTree(at);
    return at;
  }

  async shutdown(): Promise<void> {
    await this.#turn;
  }
}

/** A repository inside would be read by git, and its settings are its author's. */
function checkTree(directory: string): void {
  const waiting = [directory];
  let entries = 0;
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      entries += 1;
      if (entries > maxEntries) throw refused(`The folder has more than ${maxEntries} entries`, "path");
      if (/^\.git$/i.test(entry.name)) throw refused("The folder has a repository inside", "path");
      if (entry.isDirectory()) waiting.push(join(at, entry.name));
    }
  }
}

function branchOf(value: unknown, field: string): string {
  const name = String(value);
  const plain = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/.test(name);
  if (!plain || name.length > 200 || /\.\.|\.lock(?:\/|$)|\.(?:\/|$)/.test(name)) {
    throw refused("This is no plain name of a branch", field);
  }
  return name;
}

function line(value: unknown, field: string): string {
  const text = String(value);
  if (/[\p{Cc}<>]/u.test(text)) throw new Error(`The ${field} of the author is one plain line`);
  return text;
}

export default new GitHandler();
