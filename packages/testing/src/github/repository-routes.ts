import {
  ChangeRefused,
  type HostedHook,
  type HostedPullRequest,
  type HostedRepository,
} from "../forge-server/repository.ts";
import { type ApiAnswer, type ApiRequest, pageOf } from "../forge-server/server.ts";
import type { TokenAccess } from "./accounts.ts";
import { Refusal } from "./refusal.ts";
import { checkShape, commentShape, issueShape, pullShape, repositoryShape, statusShape } from "./shapes.ts";

/** A request for something in a repository that its token reaches. */
export interface RepositoryCall {
  readonly server: string;
  readonly repository: HostedRepository;
  readonly request: ApiRequest;
  readonly access: TokenAccess;
  /** Path below `/repos/OWNER/NAME/`. */
  readonly path: string;
}

type Input = Readonly<Record<string, unknown>>;
type Handler = (call: RepositoryCall, matched: readonly string[], input: Input) => Promise<ApiAnswer>;

const routes: readonly (readonly [RegExp, Handler])[] = [
  [/^GET $/, async ({ server, repository }) => ok(repositoryShape(server, repository))],
  [/^GET branches$/, listBranches],
  [/^GET hooks$/, async ({ repository }) => ok(repository.hooks.map(hookShape))],
  [/^POST hooks$/, keepHook],
  [/^PATCH hooks\/(\d+)$/, keepHook],
  [/^GET pulls$/, listPulls],
  [/^POST pulls$/, createPull],
  [/^GET pulls\/(\d+)$/, getPull],
  [/^PATCH pulls\/(\d+)$/, updatePull],
  [/^PUT pulls\/(\d+)\/merge$/, mergePull],
  [/^POST pulls\/(\d+)\/requested_reviewers$/, requestReviewers],
  [/^GET (issues|pulls)\/comments$/, listRecentComments],
  [/^GET pulls\/(\d+)\/comments$/, listReviewComments],
  [/^POST pulls\/(\d+)\/comments$/, addReviewComment],
  [/^GET issues$/, listIssues],
  [/^GET issues\/(\d+)$/, getIssue],
  [/^GET issues\/(\d+)\/comments$/, listComments],
  [/^POST issues\/(\d+)\/comments$/, addComment],
  [/^PUT issues\/(\d+)\/labels$/, setLabels],
  [/^POST issues\/(\d+)\/assignees$/, addAssignees],
  [
    /^GET assignees$/,
    async (call) => page(call, [...call.repository.members.keys()], (login) => ({ login })),
  ],
  [/^GET labels$/, async (call) => page(call, call.repository.labels, (name) => ({ name }))],
  [/^GET collaborators\/([^/]+)\/permission$/, getPermission],
  [/^GET commits\/([0-9a-f]{40})\/check-runs$/, listChecks],
  [/^GET commits\/([0-9a-f]{40})\/status$/, listStatuses],
  [/^POST statuses\/([0-9a-f]{40})$/, setStatus],
];

export async function answerForRepository(call: RepositoryCall): Promise<ApiAnswer> {
  const { method, body } = call.request;
  if (method !== "GET" && !call.access.canWrite)
    throw new Refusal(403, "Resource not accessible by integration");
  for (const [pattern, handler] of routes) {
    const matched = pattern.exec(`${method} ${call.path}`);
    if (matched === null) continue;
    const input: Input = body === "" ? {} : JSON.parse(body);
    return await handler(call, matched.slice(1), input);
  }
  throw new Refusal(404, "Not Found");
}

const ok = (body: unknown): ApiAnswer => ({ status: 200, body });

const hookShape = ({ id, url, events }: HostedHook) => ({
  ...{ id, active: true, events, config: { url, content_type: "json" } },
});

async function keepHook(
  { repository }: RepositoryCall,
  [id]: readonly string[],
  { config, events }: Input,
): Promise<ApiAnswer> {
  const { url, secret } = config as { readonly url: string; readonly secret: string };
  const known = id === undefined ? undefined : Number(id);
  // Push alone is GitHub's default.
  const hook = repository.keepHook(known, url, secret, events === undefined ? ["push"] : texts(events));
  if (hook === undefined) throw new Refusal(404, "Not Found");
  return { status: id === undefined ? 201 : 200, body: hookShape(hook) };
}

function page<Item>(call: RepositoryCall, list: readonly Item[], shape: (item: Item) => unknown): ApiAnswer {
  const { items, headers } = pageOf(call.request.url, list, pageSize(call.request.url));
  return { status: 200, body: items.map(shape), headers };
}

export function pageSize(url: URL): number {
  return Math.min(100, Number(url.searchParams.get("per_page") ?? 30));
}

function pullNumbered({ repository }: RepositoryCall, number: string | undefined): HostedPullRequest {
  const pull = repository.pullRequests.get(Number(number));
  if (pull === undefined) throw new Refusal(404, "Not Found");
  return pull;
}

function requireText(input: Input, resource: string, field: string): string {
  const value = input[field];
  if (typeof value === "string" && value !== "") return value;
  throw new Refusal(422, "Validation Failed", [{ resource, field, code: "missing_field" }]);
}

const texts = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);

async function listBranches(call: RepositoryCall): Promise<ApiAnswer> {
  return page(call, [...call.repository.bare.branches], ([name, sha]) => ({
    ...{ name, commit: { sha }, protected: call.repository.bare.isProtected(name) },
  }));
}

async function listPulls(call: RepositoryCall): Promise<ApiAnswer> {
  const { searchParams } = call.request.url;
  const state = searchParams.get("state") ?? "open";
  const [, head = null] = searchParams.get("head")?.split(":") ?? [];
  const order = searchParams.get("sort") === "updated" ? "updatedAt" : "createdAt";
  const direction = searchParams.get("direction") ?? (order === "createdAt" ? "desc" : "asc");
  const list = [...call.repository.pullRequests.values()]
    .filter((pull) => (state === "all" || pull.state === state) && (head === null || pull.head === head))
    .sort((left, right) => left[order] - right[order] || left.number - right.number);
  return page(call, direction === "asc" ? list : list.toReversed(), (pull) =>
    pullShape(call.server, call.repository, pull),
  );
}

async function createPull(call: RepositoryCall, _: readonly string[], input: Input): Promise<ApiAnswer> {
  const { repository, access, server } = call;
  const head = requireText(input, "PullRequest", "head").replace(/^[^:]*:/, "");
  const base = requireText(input, "PullRequest", "base");
  try {
    const pull = await repository.createPullRequest({
      ...{ title: requireText(input, "PullRequest", "title"), head, base, author: access.user },
      ...{ body: String(input["body"] ?? ""), draft: input["draft"] === true },
    });
    return { status: 201, body: pullShape(server, repository, pull, await repository.isMergeable(pull)) };
  } catch (error) {
    if (!(error instanceof ChangeRefused)) throw error;
    const [owner] = repository.fullName.split("/");
    const custom = (message: string) =>
      new Refusal(422, "Validation Failed", [{ resource: "PullRequest", code: "custom", message }]);
    if (error.reason === "duplicate") throw custom(`A pull request already exists for ${owner}:${head}.`);
    if (error.reason === "no_commits") throw custom(`No commits between ${base} and ${head}`);
    throw new Refusal(422, "Validation Failed", [
      { resource: "PullRequest", field: "head", code: "invalid" },
    ]);
  }
}

async function getPull(call: RepositoryCall, [number]: readonly string[]): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  return ok(pullShape(call.server, call.repository, pull, await call.repository.isMergeable(pull)));
}

async function updatePull(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  const { title, body, state, base } = input;
  if (state === "open" && pull.mergedAt !== null)
    throw new Refusal(422, "Validation Failed", [
      { resource: "PullRequest", code: "invalid", field: "state" },
    ]);
  call.repository.updatePullRequest(pull, {
    ...(typeof title === "string" ? { title } : {}),
    ...(typeof body === "string" ? { body } : {}),
    ...(typeof base === "string" ? { base } : {}),
    ...(state === "open" || state === "closed" ? { state } : {}),
  });
  return getPull(call, [String(pull.number)]);
}

async function mergePull(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  const method = input["merge_method"] === "squash" ? "squash" : "merge";
  const expected = input["sha"];
  try {
    const sha = await call.repository.merge(
      pull,
      method,
      typeof expected === "string" ? expected : undefined,
    );
    return ok({ sha, merged: true, message: "Pull Request successfully merged" });
  } catch (error) {
    if (!(error instanceof ChangeRefused)) throw error;
    if (error.reason === "head_moved")
      throw new Refusal(409, "Head branch was modified. Review and try the merge again.");
    const isDraft = error.reason === "draft";
    throw new Refusal(405, isDraft ? "Pull Request is still a draft" : "Pull Request is not mergeable");
  }
}

async function requestReviewers(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  const reviewers = [...new Set([...pull.reviewers, ...texts(input["reviewers"])])];
  call.repository.updatePullRequest(pull, { reviewers });
  return { ...(await getPull(call, [String(pull.number)])), status: 201 };
}

async function addAssignees(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  // Those who do not take part are left out silently.
  const known = texts(input["assignees"]).filter((login) => call.repository.members.has(login));
  call.repository.updatePullRequest(pull, { assignees: [...new Set([...pull.assignees, ...known])] });
  return { ...(await getPull(call, [String(pull.number)])), status: 201 };
}

async function getPermission(
  { repository }: RepositoryCall,
  [login = ""]: readonly string[],
): Promise<ApiAnswer> {
  return ok({ permission: repository.members.get(login) ?? "none", user: { login } });
}

async function setLabels(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const labels = texts(input["labels"]);
  call.repository.updatePullRequest(pullNumbered(call, number), { labels });
  return ok(labels.map((name) => ({ name })));
}

const commentsOf = ({ repository }: RepositoryCall, number: string | undefined, onLines: boolean) =>
  repository.comments.filter(
    (comment) => comment.number === Number(number) && (comment.path !== undefined) === onLines,
  );

async function listReviewComments(call: RepositoryCall, [number]: readonly string[]): Promise<ApiAnswer> {
  pullNumbered(call, number);
  return page(call, commentsOf(call, number, true), (each) =>
    commentShape(call.server, call.repository, each),
  );
}

/** Comments of all pull requests and issues, or all of those on lines, since a time. */
async function listRecentComments(call: RepositoryCall, [list]: readonly string[]): Promise<ApiAnswer> {
  const { repository, request, server } = call;
  const since = Date.parse(request.url.searchParams.get("since") ?? "1970-01-01T00:00:00Z");
  const found = repository.comments.filter(
    ({ path, createdAt, editedAt = 0 }) =>
      (path !== undefined) === (list === "pulls") && Math.max(createdAt, editedAt) >= since,
  );
  return page(call, found, (each) => commentShape(server, repository, each));
}

async function listComments(call: RepositoryCall, [number]: readonly string[]): Promise<ApiAnswer> {
  if (!call.repository.issues.has(Number(number))) pullNumbered(call, number);
  return page(call, commentsOf(call, number, false), (each) =>
    commentShape(call.server, call.repository, each),
  );
}

async function addReviewComment(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  const replyTo = input["in_reply_to"];
  const answered = call.repository.comments.find(({ id }) => id === replyTo);
  if (replyTo !== undefined && answered === undefined) throw new Refusal(404, "Not Found");
  const path = answered?.path ?? requireText(input, "PullRequestReviewComment", "path");
  const line = answered?.line ?? Number(input["line"]);
  if (!Number.isInteger(line) || line < 1)
    throw new Refusal(422, "Validation Failed", [
      { resource: "PullRequestReviewComment", field: "line", code: "invalid" },
    ]);
  const comment = call.repository.addComment({
    ...{ number: pull.number, author: call.access.user, path, line },
    body: requireText(input, "PullRequestReviewComment", "body"),
    commit: answered?.commit ?? requireText(input, "PullRequestReviewComment", "commit_id"),
    ...(answered === undefined ? {} : { replyTo: answered.id }),
  });
  return { status: 201, body: commentShape(call.server, call.repository, comment) };
}

async function addComment(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  if (!call.repository.issues.has(Number(number))) pullNumbered(call, number);
  const comment = call.repository.addComment({
    ...{ number: Number(number), author: call.access.user, body: requireText(input, "IssueComment", "body") },
  });
  return { status: 201, body: commentShape(call.server, call.repository, comment) };
}

/** Pull requests are issues too at GitHub, with a field that says so. */
async function listIssues(call: RepositoryCall): Promise<ApiAnswer> {
  const { server, repository, request } = call;
  const state = request.url.searchParams.get("state") ?? "open";
  const issues = [...repository.issues.values()].map((issue) => ({
    ...issueShape(server, repository, issue),
  }));
  const pulls = [...repository.pullRequests.values()].map((pull) => ({
    ...issueShape(server, repository, pull),
    pull_request: { url: `${server}/api/v3/repos/${repository.fullName}/pulls/${pull.number}` },
  }));
  const list = [...issues, ...pulls]
    .filter((each) => state === "all" || each.state === state)
    .sort((left, right) => left.number - right.number);
  return page(
    call,
    request.url.searchParams.get("direction") === "asc" ? list : list.toReversed(),
    (each) => each,
  );
}

async function getIssue(call: RepositoryCall, [number]: readonly string[]): Promise<ApiAnswer> {
  const { server, repository } = call;
  const issue = repository.issues.get(Number(number));
  if (issue !== undefined) return ok(issueShape(server, repository, issue));
  const pull_request = { url: `${server}/api/v3/repos/${repository.fullName}/pulls/${number}` };
  return ok({ ...issueShape(server, repository, pullNumbered(call, number)), pull_request });
}

async function listChecks(call: RepositoryCall, [commit]: readonly string[]): Promise<ApiAnswer> {
  const { repository, request, server } = call;
  const list = repository.checks.filter((check) => check.commit === commit && !check.isStatus);
  const { items, headers } = pageOf(request.url, list, pageSize(request.url));
  const check_runs = items.map((check) => checkShape(server, repository, check));
  return { status: 200, body: { total_count: list.length, check_runs }, headers };
}

async function listStatuses(call: RepositoryCall, [commit]: readonly string[]): Promise<ApiAnswer> {
  const { repository, request } = call;
  const list = repository.checks.filter((check) => check.commit === commit && check.isStatus);
  const { items, headers } = pageOf(request.url, list, pageSize(request.url));
  return { status: 200, body: { sha: commit, statuses: items.map(statusShape) }, headers };
}

async function setStatus(
  call: RepositoryCall,
  [commit = ""]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const state = requireText(input, "Status", "state");
  const conclusion = state === "pending" ? null : state === "success" ? "success" : "failure";
  const target = input["target_url"];
  const webUrl = typeof target === "string" ? target : null;
  const name = requireText(input, "Status", "context");
  const check = call.repository.setCheck(name, commit, conclusion, { isStatus: true, webUrl });
  return { status: 201, body: statusShape(check) };
}
