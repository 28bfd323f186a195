import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { components } from "@octokit/openapi-types";

type Schemas = components["schemas"];
type User = Pick<NonNullable<Schemas["nullable-simple-user"]>, "login" | "id" | "type">;

/** Objects of the emulator, with the names and types of GitHub's OpenAPI description. */
type Issue = Pick<
  Schemas["issue"],
  "id" | "number" | "title" | "state" | "labels" | "comments" | "created_at" | "updated_at" | "html_url"
> & { body: string | null; user: User; pull_request?: Schemas["issue"]["pull_request"] };
type Comment = Pick<Schemas["issue-comment"], "id" | "body" | "created_at" | "html_url"> & { user: User };
type End = { ref: string; sha: string; label: string };
type Pull = Pick<
  Schemas["pull-request"],
  "id" | "number" | "title" | "state" | "draft" | "body" | "created_at" | "html_url" | "merged" | "mergeable"
> & { user: User; head: End; base: End; additions: number; deletions: number; changed_files: number };
type Check = Pick<Schemas["check-run"], "id" | "name" | "head_sha" | "status" | "conclusion" | "html_url"> & {
  output: Pick<Schemas["check-run"]["output"], "title" | "summary">;
};

export interface GitHubRepository {
  /** File contents by path. */
  readonly files: Readonly<Record<string, string | Buffer>>;
  readonly branches: readonly string[];
}

export interface GitHubRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** In-memory emulator of the GitHub REST API that plugins use, on loopback. */
export interface GitHubServer {
  readonly url: string;
  readonly requests: readonly GitHubRequest[];
  /** Responses that replace the API's own, one request each. */
  readonly faults: ((response: ServerResponse) => void)[];
  close(): Promise<void>;
}

interface State {
  readonly repository: GitHubRepository;
  readonly issues: Issue[];
  readonly comments: Map<number, Comment[]>;
  readonly pulls: Pull[];
}

class Refusal extends Error {
  readonly status: number;
  readonly errors: readonly unknown[] | undefined;
  constructor(status: number, message: string, errors?: readonly unknown[]) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

const now = () => new Date().toISOString();
const sha = (name: string) => Buffer.from(name.padEnd(20, "-").slice(0, 20)).toString("hex");
const user: User = { login: "ada", id: 1, type: "User" };

export interface GitHubServerOptions {
  readonly token: string;
  /** Repositories by "owner/name". */
  readonly repositories: Readonly<Record<string, GitHubRepository>>;
}

/** Starts the emulator for one token and the given repositories. */
export async function startGitHubServer({ token, repositories }: GitHubServerOptions): Promise<GitHubServer> {
  const states = new Map<string, State>();
  for (const [name, repository] of Object.entries(repositories)) {
    states.set(name.toLowerCase(), { repository, issues: [], comments: new Map(), pulls: [] });
  }
  const requests: GitHubRequest[] = [];
  const faults: ((response: ServerResponse) => void)[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { method = "", url = "", headers } = request;
      requests.push({ method, url, authorization: headers.authorization, body });
      const fault = faults.shift();
      if (fault !== undefined) return fault(response);
      try {
        answer(request, response, body, states, token);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const { status, message, errors } = error;
        send(response, status, {
          message,
          ...(errors === undefined ? {} : { errors }),
          documentation_url: "https://docs.github.com/rest",
          status: String(status),
        } satisfies Schemas["basic-error"] & { errors?: readonly unknown[] });
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    faults,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  response.end(JSON.stringify(body));
}

function answer(
  { method = "", url = "", headers }: IncomingMessage,
  response: ServerResponse,
  body: string,
  states: ReadonlyMap<string, State>,
  token: string,
): void {
  if (headers["user-agent"] === undefined)
    throw new Refusal(403, "Request forbidden by administrative rules");
  if (headers.authorization !== `Bearer ${token}`) throw new Refusal(401, "Bad credentials");
  const at = new URL(url, "http://base");
  const [, owner, name, ...rest] = decodeURIComponent(at.pathname).slice(1).split("/");
  const state = states.get(`${owner}/${name}`.toLowerCase());
  if (state === undefined) throw new Refusal(404, "Not Found");
  const route = `${method} ${rest.join("/")}`;
  const number = Number(rest[1]);
  if (method === "POST") {
    const input: Record<string, unknown> = JSON.parse(body);
    if (route === "POST issues") return send(response, 201, addIssue(state, url, input));
    if (/^POST issues\/\d+\/comments$/.test(route))
      return send(response, 201, addComment(state, number, input));
    if (route === "POST pulls") return send(response, 201, addPull(state, input));
  } else if (method === "GET") {
    if (route === "GET issues") return page(response, at, filtered(state.issues, at));
    if (route === "GET pulls") return page(response, at, filtered(state.pulls, at));
    if (/^GET issues\/\d+$/.test(route)) return send(response, 200, numbered(state.issues, number));
    if (/^GET issues\/\d+\/comments$/.test(route))
      return page(response, at, state.comments.get(number) ?? []);
    if (/^GET pulls\/\d+$/.test(route)) return send(response, 200, numbered(state.pulls, number));
    if (/^GET pulls\/\d+\/files$/.test(route))
      return page(response, at, changes(numbered(state.pulls, number)));
    if (rest[0] === "contents") return send(response, 200, contents(state, rest.slice(1).join("/"), at));
    const ref = /^GET commits\/(.+)\/check-runs$/.exec(route)?.[1];
    if (ref !== undefined) return checks(response, at, state, ref);
  }
  throw new Refusal(404, "Not Found");
}

function numbered<Each extends { number: number }>(list: readonly Each[], number: number): Each {
  const found = list.find((each) => each.number === number);
  if (found === undefined) throw new Refusal(404, "Not Found");
  return found;
}

function filtered<Each extends Issue | Pull>(list: readonly Each[], at: URL): Each[] {
  const wanted = at.searchParams.get("state") ?? "open";
  const labels = at.searchParams.get("labels")?.split(",") ?? [];
  const has = (each: Each, label: string) =>
    "labels" in each && each.labels.some((one) => typeof one !== "string" && one.name === label);
  return list
    .filter(
      (each) => (wanted === "all" || each.state === wanted) && labels.every((label) => has(each, label)),
    )
    .toReversed();
}

/** Sends a page of a list, with a Link header for the other pages. */
function page<Each>(
  response: ServerResponse,
  at: URL,
  list: readonly Each[],
  wrap?: (page: Each[]) => unknown,
) {
  const size = Math.min(100, Number(at.searchParams.get("per_page") ?? 30));
  const number = Number(at.searchParams.get("page") ?? 1);
  const last = Math.max(1, Math.ceil(list.length / size));
  const link = (rel: string, to: number) => {
    const target = new URL(at);
    target.searchParams.set("page", String(to));
    return `<https://api.github.com${target.pathname}${target.search}>; rel="${rel}"`;
  };
  const links = [
    ...(number > 1 ? [link("prev", number - 1), link("first", 1)] : []),
    ...(number < last ? [link("next", number + 1), link("last", last)] : []),
  ];
  const part = list.slice((number - 1) * size, number * size);
  send(
    response,
    200,
    wrap === undefined ? part : wrap(part),
    links.length === 0 ? {} : { link: links.join(", ") },
  );
}

function titleOf({ title }: Record<string, unknown>, resource: string): string {
  if (typeof title === "string" && title !== "") return title;
  throw new Refusal(422, "Validation Failed", [{ resource, code: "missing_field", field: "title" }]);
}

function nextNumber({ issues }: State): number {
  return issues.length + 1;
}

function addIssue(state: State, url: string, given: Record<string, unknown>): Issue {
  const number = nextNumber(state);
  const labels = Array.isArray(given["labels"])
    ? given["labels"].map((name) => ({ name: String(name) }))
    : [];
  const issue: Issue = {
    ...{
      id: 1_000 + number,
      number,
      title: titleOf(given, "Issue"),
      state: "open",
      labels,
      user,
      comments: 0,
    },
    body: typeof given["body"] === "string" ? given["body"] : null,
    ...{ created_at: now(), updated_at: now(), html_url: `https://github.com${url}/${number}` },
  };
  state.issues.push(issue);
  return issue;
}

function addComment(state: State, number: number, { body }: Record<string, unknown>): Comment {
  const issue = numbered(state.issues, number);
  const comments = state.comments.get(number) ?? [];
  state.comments.set(number, comments);
  const id = number * 1_000 + comments.length;
  const html_url = `${issue.html_url}#issuecomment-${id}`;
  const comment: Comment = { id, body: String(body), created_at: now(), html_url, user };
  comments.push(comment);
  issue.comments = comments.length;
  return comment;
}

function addPull(state: State, given: Record<string, unknown>): Pull {
  const title = titleOf(given, "PullRequest");
  const end = (field: "head" | "base"): End => {
    const label = String(given[field]);
    const ref = label.slice(label.indexOf(":") + 1);
    if (!state.repository.branches.includes(ref)) {
      throw new Refusal(422, "Validation Failed", [{ resource: "PullRequest", field, code: "invalid" }]);
    }
    return { ref, label, sha: sha(ref) };
  };
  const [head, base] = [end("head"), end("base")];
  const issue = addIssue(state, "/pulls", given);
  const { id, number, body, created_at, html_url } = issue;
  issue.pull_request = { url: html_url, html_url, diff_url: null, patch_url: null };
  const pull: Pull = {
    ...{ id, number, title, state: "open", draft: given["draft"] === true, body, created_at, html_url, user },
    ...{ head, base, merged: false, mergeable: true, additions: 1, deletions: 0, changed_files: 1 },
  };
  state.pulls.push(pull);
  return pull;
}

function changes({ head }: Pull): Pick<Schemas["diff-entry"], "filename" | "status" | "patch" | "sha">[] {
  return [{ filename: `${head.ref}.txt`, status: "added", patch: "@@ -0,0 +1 @@\n+line", sha: head.sha }];
}

function contents({ repository }: State, path: string, at: URL): unknown {
  const ref = at.searchParams.get("ref") ?? "main";
  if (!repository.branches.includes(ref)) throw new Refusal(404, `No commit found for the ref ${ref}`);
  const file = repository.files[path];
  if (file !== undefined) {
    const bytes = Buffer.from(file);
    return {
      ...{ type: "file", encoding: "base64", size: bytes.length, name: path.split("/").at(-1) ?? "", path },
      ...{ sha: sha(path), content: bytes.toString("base64").replace(/.{60}/g, "$&\n") },
    } satisfies Partial<Schemas["content-file"]>;
  }
  const prefix = path === "" ? "" : `${path}/`;
  const below = Object.keys(repository.files).filter((each) => each.startsWith(prefix));
  if (below.length === 0) throw new Refusal(404, "Not Found");
  const names = new Set(below.map((each) => each.slice(prefix.length).split("/")[0] ?? ""));
  return [...names].map((name) => {
    const bytes = repository.files[`${prefix}${name}`];
    const type: Schemas["content-directory"][number]["type"] = bytes === undefined ? "dir" : "file";
    return { name, type, path: `${prefix}${name}`, size: bytes?.length ?? 0, sha: sha(name) };
  });
}

function checks(response: ServerResponse, at: URL, { repository }: State, ref: string): void {
  if (!repository.branches.includes(ref)) throw new Refusal(422, `No commit found for SHA: ${ref}`);
  const runs = ["build", "test"].map(
    (name, id): Check => ({
      ...{ id, name, head_sha: sha(ref), html_url: `https://github.com/checks/${id}`, status: "completed" },
      conclusion: name === "test" ? "failure" : "success",
      output: { title: name, summary: `${name} of ${ref}` },
    }),
  );
  page(response, at, runs, (part) => ({ total_count: runs.length, check_runs: part }));
}
