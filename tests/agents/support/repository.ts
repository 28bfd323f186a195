import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Content that no earlier run had. */
export function randomText(label: string): string {
  return `${label} ${randomBytes(8).toString("hex")}`;
}

/** A git repository with random content, as a person has it. */
export class Repository {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(path: string): Promise<Repository> {
    const repository = new Repository(path);
    await mkdir(path, { recursive: true });
    await repository.git("init", "--quiet", "--initial-branch=main");
    await repository.git("config", "user.name", "Person");
    await repository.git("config", "user.email", "person@example.org");
    await repository.write("README.md", `# ${randomText("Title")}\n\n${randomText("Body")}\n`);
    await repository.write("src/index.js", `export const value = "${randomText("value")}";\n`);
    await repository.git("add", "--all");
    await repository.git("commit", "--quiet", "--message", randomText("Begin"));
    return repository;
  }

  async git(...args: readonly string[]): Promise<string> {
    const { stdout } = await run("git", ["-C", this.path, ...args], { env: gitEnvironment() });
    return stdout;
  }

  /** A file as it is on a branch. */
  async show(branch: string, path: string): Promise<string> {
    return await this.git("show", `${branch}:${path}`);
  }

  /** Everything that must stay as it was while agents work: commit, branches, index and files. */
  async state(): Promise<string> {
    const parts = [
      await this.git("rev-parse", "HEAD"),
      await this.git("for-each-ref", "refs/heads"),
      await this.git("status", "--porcelain=v2", "--branch", "--untracked-files=all"),
    ];
    return parts.join("\n");
  }

  private async write(path: string, content: string): Promise<void> {
    await mkdir(dirname(join(this.path, path)), { recursive: true });
    await writeFile(join(this.path, path), content);
  }
}

function gitEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
}
