import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { gitEnvironment } from "../git-server.ts";

/** Result of one git command. */
interface GitResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type MergeMethod = "merge" | "squash";

/** Refuses pushes to the branches in the repository's configuration, with the words of the forge. */
const updateHook = `#!/bin/sh
for branch in $(git config --get-all forge.protected); do
  if [ "refs/heads/$branch" = "$1" ]; then
    git config --get forge.protectedwords | sed "s|%s|$branch|" >&2
    exit 1
  fi
done
`;

/** Bare repository of a forge emulator, driven by the real git. Branches are read from git after each change. */
export class BareRepository {
  readonly path: string;
  readonly #protected = new Set<string>();
  #branches = new Map<string, string>();

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Creates the repository with one commit of `files` on `main`. `protectedWords` is what a push to a protected branch is
   * told, with `%s` for the branch.
   */
  static async create(
    path: string,
    files: Readonly<Record<string, string>>,
    protectedWords: string,
    author = defaultAuthor,
  ): Promise<BareRepository> {
    await mkdir(path, { recursive: true });
    const repository = new BareRepository(path);
    await repository.git(["init", "--quiet", "--bare", "--initial-branch=main", "--template="]);
    const words = protectedWords.replaceAll(/["\\]/g, "\\$&");
    const settings = `[http]\n\treceivepack = true\n[forge]\n\tprotectedwords = "${words}"\n`;
    await appendFile(join(path, "config"), settings);
    await mkdir(join(path, "hooks"));
    await writeFile(join(path, "hooks", "update"), updateHook);
    await chmod(join(path, "hooks", "update"), 0o755);
    await repository.commit("main", files, "First commit", "main", author);
    return repository;
  }

  /** Opens a repository that an earlier process has created. */
  static async open(path: string): Promise<BareRepository> {
    const repository = new BareRepository(path);
    const { stdout } = await repository.#run(["config", "--get-all", "forge.protected"], "");
    for (const branch of stdout.split("\n")) if (branch !== "") repository.#protected.add(branch);
    await repository.refresh();
    return repository;
  }

  /** Commit of each branch. */
  get branches(): ReadonlyMap<string, string> {
    return this.#branches;
  }

  /** Runs git in the repository and returns its output without the last line break. Throws with its stderr. */
  async git(
    args: readonly string[],
    input = "",
    environment: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const result = await this.#run(args, input, environment);
    if (result.code !== 0) throw new Error(`git ${args[0]}: ${result.stderr}`);
    return result.stdout.trimEnd();
  }

  /** Adds a commit to `branch`, which begins at `from` if it does not exist. */
  async commit(
    branch: string,
    files: Readonly<Record<string, string>>,
    message: string,
    from = "main",
    author = defaultAuthor,
  ): Promise<string> {
    const parent = this.#branches.get(branch) ?? this.#branches.get(from);
    const commands = commitCommands({ branch, files, message, parent, author });
    await this.git(["fast-import", "--quiet", "--force"], commands);
    await this.refresh();
    return this.#required(branch);
  }

  /** Creates `count` branches `prefix-1`, `prefix-2`, ... on at most 100 new commits, in a few runs of git. */
  async commitMany(prefix: string, count: number): Promise<void> {
    const parent = this.#required("main");
    const marks = join(this.path, "marks");
    const commands: string[] = [];
    for (let number = 1; number <= Math.min(count, 100); number += 1) {
      const files = { [`${prefix}-${number}.txt`]: `${number}\n` };
      commands.push(
        commitCommands({ branch: prefix, files, message: `Add ${number}`, parent, mark: number }),
      );
    }
    const args = ["fast-import", "--quiet", "--force", `--export-marks=${marks}`];
    await this.git(args, commands.join(""));
    await this.git(["update-ref", "-d", `refs/heads/${prefix}`]);
    await this.git(["pack-refs", "--all"]);
    // One file of references: git would write a file for each of thousands.
    const packed = await readFile(join(this.path, "packed-refs"), "utf8");
    const lines = (await readFile(marks, "utf8")).matchAll(/^:\d+ ([0-9a-f]+)$/gm);
    const commits = Array.from(lines, ([, commit]) => commit);
    const added = Array.from(
      { length: count },
      (_, index) => `${commits[index % commits.length]} refs/heads/${prefix}-${index + 1}\n`,
    );
    const known = packed.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    await writeFile(
      join(this.path, "packed-refs"),
      `# pack-refs with: peeled \n${known.join("\n")}\n${added.join("")}`,
    );
    await this.refresh();
  }

  /** Refuses pushes to `branch` from now on. */
  async protect(branch: string): Promise<void> {
    await this.git(["config", "--add", "forge.protected", branch]);
    this.#protected.add(branch);
  }

  isProtected(branch: string): boolean {
    return this.#protected.has(branch);
  }

  /** Reads the branches again and returns what has changed, with null for a missing commit. */
  async refresh(): Promise<readonly { branch: string; before: string | null; after: string | null }[]> {
    const before = this.#branches;
    const lines = await this.git([
      "for-each-ref",
      "--format=%(objectname) %(refname:lstrip=2)",
      "refs/heads",
    ]);
    this.#branches = new Map(
      lines
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => [line.slice(41), line.slice(0, 40)]),
    );
    return [...new Set([...before.keys(), ...this.#branches.keys()])]
      .map((branch) => ({
        branch,
        before: before.get(branch) ?? null,
        after: this.#branches.get(branch) ?? null,
      }))
      .filter((change) => change.before !== change.after);
  }

  /** Takes the head of a pull request from a fork, under the names that forges give it. */
  async takePull(number: number, fork: string, branch: string): Promise<void> {
    const ref = `refs/pull/${number}/head`;
    await this.git(["fetch", "--quiet", fork, `+refs/heads/${branch}:${ref}`]);
    await this.git(["update-ref", `refs/merge-requests/${number}/head`, ref]);
  }

  /** Number of commits of `head` that `base` lacks. */
  async commitsBetween(base: string, head: string): Promise<number> {
    return Number(await this.git(["rev-list", "--count", `${base}..${head}`]));
  }

  /** Tree of a merge of two commits, or undefined on a conflict. */
  async mergeTree(base: string, head: string): Promise<string | undefined> {
    const { code, stdout, stderr } = await this.#run(["merge-tree", "--write-tree", base, head], "");
    if (code === 0) return stdout.slice(0, 40);
    if (code === 1) return undefined;
    throw new Error(`git merge-tree: ${stderr}`);
  }

  /** Merges the commit `head` into the branch `base`. Returns the new commit, or undefined on a conflict. */
  async merge(base: string, head: string, method: MergeMethod, message: string): Promise<string | undefined> {
    const target = this.#required(base);
    const tree = await this.mergeTree(target, head);
    if (tree === undefined) return undefined;
    const parents = method === "merge" ? ["-p", target, "-p", head] : ["-p", target];
    const commit = await this.git(["commit-tree", ...parents, "-m", message, tree]);
    await this.git(["update-ref", `refs/heads/${base}`, commit, target]);
    await this.refresh();
    return commit;
  }

  #required(branch: string): string {
    const commit = this.#branches.get(branch);
    if (commit === undefined) throw new Error(`${this.path} has no branch ${branch}`);
    return commit;
  }

  async #run(
    args: readonly string[],
    input: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<GitResult> {
    const env = { ...gitEnvironment, ...environment };
    const child = spawn("git", args, { cwd: this.path, env, stdio: "pipe" });
    // EPIPE: git may end before it has read its input; its exit code says why.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    const [stdout, stderr, [code]] = await Promise.all([
      buffer(child.stdout),
      text(child.stderr),
      once(child, "close"),
    ]);
    return { code: Number(code), stdout: stdout.toString("utf8"), stderr };
  }
}

interface Commit {
  readonly branch: string;
  readonly files: Readonly<Record<string, string>>;
  readonly message: string;
  readonly parent: string | undefined;
  /** Number under which `git fast-import` reports the commit. */
  readonly mark?: number;
  /** Name and address, as git writes them. */
  readonly author?: string;
}

const defaultAuthor = "Test <test@example.com>";

/** One commit as commands of `git fast-import`. */
function commitCommands({ branch, files, message, parent, mark, author = defaultAuthor }: Commit): string {
  const data = (content: string) => `data ${Buffer.byteLength(content)}\n${content}\n`;
  const seconds = Math.floor(Date.now() / 1000);
  return [
    `commit refs/heads/${branch}\n`,
    ...(mark === undefined ? [] : [`mark :${mark}\n`]),
    `committer ${author} ${seconds} +0000\n`,
    data(message),
    ...(parent === undefined ? [] : [`from ${parent}\n`]),
    ...Object.entries(files).map(([path, content]) => `M 100644 inline ${path}\n${data(content)}`),
    "\n",
  ].join("");
}
