import type {
  CoreServices,
  PluginContext,
  PluginHandler,
  PluginServices,
  ToolInvocationResult,
} from "@holdfast/gate/plugin";
import type { components } from "@octokit/openapi-types";
import { GitHub, refused } from "./client.ts";

type Schemas = components["schemas"];
type Args = Readonly<Record<string, unknown>>;
type Result = Record<string, unknown>;

/** Characters per text, and in all texts of a list. */
const texts = { one: 64 * 1024, listed: 2_000, patch: 8 * 1024 } as const;

/** GitHub tools, limited to the repositories that the operator configured. */
class GitHubHandler implements PluginHandler {
  #github: GitHub | undefined;
  #repositories: readonly string[] = [];
  #groups: readonly string[] | undefined;

  async initialize(services: CoreServices & Partial<PluginServices>): Promise<void> {
    const { config = {}, egress = {} } = services;
    const { repositories, groups } = config;
    const base = egress["github"];
    if (base !== undefined) this.#github = new GitHub(base);
    this.#repositories = Array.isArray(repositories)
      ? repositories.map((each) => String(each).toLowerCase())
      : [];
    this.#groups = Array.isArray(groups) ? groups.map(String) : undefined;
  }

  async handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    { group, signal }: PluginContext,
  ): Promise<ToolInvocationResult> {
    if (this.#groups !== undefined && !this.#groups.includes(group)) {
      throw refused("The operator does not allow GitHub for this group", undefined, "NOT_ALLOWED");
    }
    const github = this.#github;
    if (github === undefined || this.#repositories.length === 0) {
      throw refused("The operator has not configured any repository", undefined, "NOT_CONFIGURED");
    }
    const ask = tools[tool];
    if (ask === undefined) throw refused(`Unknown tool: "${tool}"`);
    return { ok: true, result: await ask(github, this.#repositoryPath(args["repository"]), args, signal) };
  }

  /** API path of a configured repository. GitHub's owners and names are case-insensitive. */
  #repositoryPath(value: unknown): string {
    const name = String(value);
    if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/[A-Za-z0-9_.-]{1,100}$/.test(name) || /\/\.{1,2}$/.test(name)) {
      throw refused("A repository is written owner/name", "repository");
    }
    if (!this.#repositories.includes(name.toLowerCase())) {
      throw refused(
        `The operator has not allowed the repository ${name}`,
        "repository",
        "REPOSITORY_NOT_ALLOWED",
      );
    }
    return `/repos/${name}`;
  }

  async shutdown(): Promise<void> {}
}

type ToolRequest = (
  github: GitHub,
  repositoryPath: string,
  args: Args,
  signal: AbortSignal | undefined,
) => Promise<Result>;

const tools: Readonly<Record<string, ToolRequest>> = {
  async github_issues(github, repositoryPath, args, signal) {
    const query = { state: text(args["state"]), labels: text(args["labels"]), ...pageOf(args) };
    const { body, nextPage } = await github.get<Schemas["issue"][]>(
      `${repositoryPath}/issues`,
      query,
      signal,
    );
    // The API lists pull requests as issues too.
    const issues = body.filter((each) => each.pull_request === undefined);
    return { issues: issues.map((each) => issueOf(each, texts.listed)), ...next(nextPage) };
  },

  async github_issue(github, repositoryPath, args, signal) {
    const at = `${repositoryPath}/issues/${Number(args["number"])}`;
    const { body: issue } = await github.get<Schemas["issue"]>(at, {}, signal);
    const comments = await github.get<Schemas["issue-comment"][]>(`${at}/comments`, pageOf(args), signal);
    return {
      ...issueOf(issue, texts.one),
      discussion: comments.body.map(({ id, user, created_at: at, body = "" }) => ({
        ...{ id, author: user?.login ?? "", at },
        ...cut("body", body, texts.listed * 4),
      })),
      ...next(comments.nextPage),
    };
  },

  async github_pulls(github, repositoryPath, args, signal) {
    const [state, head, base] = [text(args["state"]), text(args["head"]), text(args["base"])];
    const query = { state, head, base, ...pageOf(args) };
    const { body, nextPage } = await github.get<Schemas["pull-request-simple"][]>(
      `${repositoryPath}/pulls`,
      query,
      signal,
    );
    return { pulls: body.map((each) => pullOf(each, texts.listed)), ...next(nextPage) };
  },

  async github_pull(github, repositoryPath, args, signal) {
    const at = `${repositoryPath}/pulls/${Number(args["number"])}`;
    const { body: pull } = await github.get<Schemas["pull-request"]>(at, {}, signal);
    const files = await github.get<Schemas["diff-entry"][]>(`${at}/files`, pageOf(args), signal);
    const { merged, mergeable, additions, deletions, changed_files: changed } = pull;
    return {
      ...pullOf(pull, texts.one),
      ...{ merged, mergeable, additions, deletions, changed_files: changed },
      files: files.body.map(({ filename, status, patch = "" }) => ({
        ...{ path: filename, status },
        ...cut("patch", patch, texts.patch),
      })),
      ...next(files.nextPage),
    };
  },

  async github_contents(github, repositoryPath, args, signal) {
    const at = `${repositoryPath}/contents${pathOf(args["path"])}`;
    type Content = Schemas["content-directory"] | Schemas["content-file"] | Schemas["content-symlink"];
    const { body } = await github.get<Content>(at, { ref: text(args["ref"]) }, signal);
    if (Array.isArray(body)) {
      return { entries: body.map(({ name, type, size, sha }) => ({ name, type, size, sha })) };
    }
    const { path, type, size, sha } = body;
    if (!("content" in body) || body.content === undefined || body.encoding !== "base64") {
      throw refused("The path is not a readable file", "path", "NOT_A_FILE");
    }
    const bytes = Buffer.from(body.content, "base64");
    const result = { path, type, size, sha };
    try {
      return {
        ...result,
        ...cut("text", new TextDecoder("utf-8", { fatal: true }).decode(bytes), 256 * 1024),
      };
    } catch {
      if (bytes.length <= 512 * 1024) return { ...result, base64: bytes.toString("base64") };
      throw refused("The file is too large", "path", "FILE_TOO_LARGE");
    }
  },

  async github_checks(github, repositoryPath, args, signal) {
    type Runs = { total_count: number; check_runs: Schemas["check-run"][] };
    const at = `${repositoryPath}/commits/${refOf(args["ref"])}/check-runs`;
    const { body, nextPage } = await github.get<Runs>(at, pageOf(args), signal);
    return {
      total: body.total_count,
      checks: body.check_runs.map(
        ({ name, status, conclusion, head_sha: commit, html_url: url, output }) => ({
          ...{ name, status, conclusion, commit, url },
          ...(output.summary === null ? {} : cut("summary", output.summary, texts.listed)),
        }),
      ),
      ...next(nextPage),
    };
  },

  async github_issue_create(github, repositoryPath, args, signal) {
    const { title, body, labels } = args;
    return createdIssue(
      await github.post<Schemas["issue"]>(`${repositoryPath}/issues`, { title, body, labels }, signal),
    );
  },

  async github_comment(github, repositoryPath, args, signal) {
    const at = `${repositoryPath}/issues/${Number(args["number"])}/comments`;
    const { id, html_url: url } = await github.post<Schemas["issue-comment"]>(
      at,
      { body: args["body"] },
      signal,
    );
    return { id, url };
  },

  async github_pull_create(github, repositoryPath, args, signal) {
    const { title, head, base, body, draft } = args;
    const sent = { title, head, base, body, draft };
    return createdIssue(await github.post<Schemas["pull-request"]>(`${repositoryPath}/pulls`, sent, signal));
  },
};

function createdIssue({
  number,
  html_url: url,
  state,
}: Pick<Schemas["issue"], "number" | "html_url" | "state">): Result {
  return { number, url, state };
}

function issueOf(issue: Schemas["issue"], most: number): Result {
  const {
    number,
    title,
    state,
    user,
    labels,
    comments,
    created_at: at,
    updated_at: changed,
    html_url: url,
  } = issue;
  return {
    ...{ number, title, state, author: user?.login ?? "", comments, at, changed, url },
    labels: labels.map((each) => (typeof each === "string" ? each : (each.name ?? ""))),
    ...cut("body", issue.body ?? "", most),
  };
}

function pullOf(pull: Schemas["pull-request-simple"] | Schemas["pull-request"], most: number): Result {
  const { number, title, state, draft = false, user, head, base, created_at: at, html_url: url } = pull;
  return {
    ...{ number, title, state, draft, author: user?.login ?? "", at, url },
    head: { ref: head.ref, commit: head.sha },
    base: { ref: base.ref, commit: base.sha },
    ...cut("body", pull.body ?? "", most),
  };
}

function cut(name: string, value: string, most: number): Result {
  return value.length <= most
    ? { [name]: value }
    : { [name]: value.slice(0, most), [`${name}_truncated`]: true };
}

function next(page: number | undefined): Result {
  return page === undefined ? {} : { next_page: page };
}

function pageOf({ page, per_page: count }: Args) {
  return { page: Number(page ?? 1), per_page: Number(count ?? 30) };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Validates a path, so that it cannot leave the repository's API path. */
function pathOf(value: unknown): string {
  const segments = String(value ?? "")
    .split("/")
    .filter((each) => each !== "");
  if (segments.some((each) => each === "." || each === ".." || /[\p{Cc}\\%]/u.test(each))) {
    throw refused("The path must be relative, without empty components, . or ..", "path");
  }
  return segments.map((each) => `/${encodeURIComponent(each)}`).join("");
}

/** Keeps slashes: an encoded slash is ambiguous to proxies that decide by path. */
function refOf(value: unknown): string {
  const ref = String(value);
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/.test(ref) || ref.includes("..")) {
    throw refused("Expected the name of a branch or tag, or a commit", "ref");
  }
  return ref;
}

export default new GitHubHandler();
