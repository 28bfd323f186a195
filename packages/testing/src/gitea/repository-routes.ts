import {
  ChangeRefused,
  type HostedHook,
  type HostedPullRequest,
  type HostedRepository,
} from "../forge-server/repository.ts";
import { type ApiAnswer, type ApiRequest, pageOf } from "../forge-server/server.ts";
import { ApiRefusal, type TokenGrant } from "../forge-server/token-forge.ts";
import { commentShape, issueShape, pullShape, repositoryShape, shownTitle, statusShape } from "./shapes.ts";

/** A request for something in a repository that its token reaches. */
export interface RepositoryCall {
  readonly server: string;
  readonly repository: HostedRepository;
  readonly request: ApiRequest;
  readonly grant: TokenGrant;
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
  [
    /^GET assignees$/,
    async ({ repository }) => ok([...repository.members.keys()].map((login) => ({ login }))),
  ],
  [/^GET collaborators\/([^/]+)\/permission$/, getPermission],
  [/^GET labels$/, listLabels],
  [/^POST labels$/, addLabel],
  [/^GET pulls$/, listPulls],
  [/^POST pulls$/, createPull],
  [/^GET pulls\/(\d+)$/, getPull],
  [/^PATCH pulls\/(\d+)$/, updatePull],
  [/^POST pulls\/(\d+)\/merge$/, mergePull],
  [/^POST pulls\/(\d+)\/requested_reviewers$/, requestReviewers],
  [/^GET pulls\/(\d+)\/reviews$/, listReviews],
  [/^POST pulls\/(\d+)\/reviews$/, addReview],
  [/^GET pulls\/(\d+)\/reviews\/(\d+)\/comments$/, listReviewComments],
  [/^GET issues$/, listIssues],
  [/^GET issues\/(\d+)$/, getIssue],
  [/^GET issues\/comments$/, listRecentComments],
  [/^GET issues\/(\d+)\/comments$/, listComments],
  [/^POST issues\/(\d+)\/comments$/, addComment],
  [/^PUT issues\/(\d+)\/labels$/, setLabels],
  [/^GET commits\/([0-9a-f]{40})\/status$/, listStatuses],
  [/^POST statuses\/([0-9a-f]{40})$/, setStatus],
];

export async function answerForRepository(call: RepositoryCall): Promise<ApiAnswer> {
  const { method, body } = call.request;
  if (method !== "GET" && !call.grant.canWrite)
    throw new ApiRefusal(403, "token does not have at least one of required scope(s): [write:repository]");
  for (const [pattern, handler] of routes) {
    const matched = pattern.exec(`${method} ${call.path}`);
    if (matched !== null) return await handler(call, matched.slice(1), body === "" ? {} : JSON.parse(body));
  }
  throw notFound();
}

export function pageSize(url: URL): number {
  return Math.min(50, Number(url.searchParams.get("limit") ?? 30));
}

const ok = (body: unknown): ApiAnswer => ({ status: 200, body });

const hookShape = ({ id, url }: HostedHook) => ({ id, active: true, config: { url, content_type: "json" } });

async function keepHook(
  { repository }: RepositoryCall,
  [id]: readonly string[],
  { config }: Input,
): Promise<ApiAnswer> {
  const { url, secret } = config as { readonly url: string; readonly secret: string };
  const hook = repository.keepHook(id === undefined ? undefined : Number(id), url, secret);
  if (hook === undefined) throw notFound();
  return { status: id === undefined ? 201 : 200, body: hookShape(hook) };
}
const created = (body: unknown): ApiAnswer => ({ status: 201, body });
const notFound = () => new ApiRefusal(404, "The target couldn't be found.");

function page<Item>(call: RepositoryCall, list: readonly Item[], shape: (item: Item) => unknown): ApiAnswer {
  const { items, headers } = pageOf(call.request.url, list, pageSize(call.request.url));
  const body = items.map(shape);
  return { status: 200, body, headers: { ...headers, "x-total-count": String(list.length) } };
}

function pullNumbered({ repository }: RepositoryCall, number: string | undefined): HostedPullRequest {
  const pull = repository.pullRequests.get(Number(number));
  if (pull === undefined) throw notFound();
  return pull;
}

function requireText(input: Input, field: string): string {
  const value = input[field];
  if (typeof value === "string" && value !== "") return value;
  throw new ApiRefusal(422, `[${field}]: Required`);
}

const texts = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);

const draftPrefix = /^(?:wip:|\[wip\])\s*/i;
const titleOf = (shown: string) => ({
  title: shown.replace(draftPrefix, ""),
  draft: draftPrefix.test(shown),
});

async function listBranches(call: RepositoryCall): Promise<ApiAnswer> {
  return page(call, [...call.repository.bare.branches], ([name, id]) => ({
    ...{ name, commit: { id }, protected: call.repository.bare.isProtected(name) },
  }));
}

async function listLabels(call: RepositoryCall): Promise<ApiAnswer> {
  // Their index is their id less one.
  const list = call.repository.labels.map((name, index) => ({ id: index + 1, name }));
  return page(call, list, (label) => label);
}

async function getPermission(
  { repository }: RepositoryCall,
  [login = ""]: readonly string[],
): Promise<ApiAnswer> {
  const permission = repository.members.get(login) ?? "none";
  return ok({ permission, role_name: permission, user: { login } });
}

async function addLabel(call: RepositoryCall, _: readonly string[], input: Input): Promise<ApiAnswer> {
  requireText(input, "color");
  const name = requireText(input, "name");
  call.repository.labels.push(name);
  return created({ id: call.repository.labels.length, name });
}

async function listPulls(call: RepositoryCall): Promise<ApiAnswer> {
  const { searchParams } = call.request.url;
  const state = searchParams.get("state") ?? "open";
  const list = [...call.repository.pullRequests.values()]
    .filter((pull) => state === "all" || pull.state === state)
    .sort((left, right) => left.createdAt - right.createdAt || left.number - right.number);
  return page(call, searchParams.get("sort") === "oldest" ? list : list.toReversed(), (pull) =>
    pullShape(call.server, call.repository, pull),
  );
}

async function createPull(call: RepositoryCall, _: readonly string[], input: Input): Promise<ApiAnswer> {
  const { repository, grant, server } = call;
  const head = requireText(input, "head");
  const base = requireText(input, "base");
  try {
    const pull = await repository.createPullRequest({
      ...{ ...titleOf(requireText(input, "title")), head, base, author: grant.user },
      body: String(input["body"] ?? ""),
    });
    return created(pullShape(server, repository, pull, await repository.isMergeable(pull)));
  } catch (error) {
    if (!(error instanceof ChangeRefused)) throw error;
    if (error.reason === "duplicate")
      throw new ApiRefusal(409, "pull request already exists for these targets");
    if (error.reason === "no_commits")
      throw new ApiRefusal(422, `There are no changes between ${head} and ${base}`);
    throw notFound();
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
  const { title, body, state, base, assignees } = input;
  if (state !== undefined && pull.mergedAt !== null)
    throw new ApiRefusal(412, "cannot change state of this pull request, it was already merged");
  call.repository.updatePullRequest(pull, {
    ...(typeof title === "string" && title !== shownTitle(pull) ? titleOf(title) : {}),
    ...(typeof body === "string" ? { body } : {}),
    ...(typeof base === "string" ? { base } : {}),
    ...(Array.isArray(assignees) ? { assignees: texts(assignees) } : {}),
    ...(state === "open" || state === "closed" ? { state } : {}),
  });
  return { ...(await getPull(call, [String(pull.number)])), status: 201 };
}

async function mergePull(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  const method = input["Do"] === "squash" ? "squash" : "merge";
  const expected = input["head_commit_id"];
  if (pull.mergedAt !== null) throw new ApiRefusal(405, "");
  try {
    await call.repository.merge(pull, method, typeof expected === "string" ? expected : undefined);
    return { status: 200 };
  } catch (error) {
    if (!(error instanceof ChangeRefused)) throw error;
    if (error.reason === "closed") throw notFound();
    if (error.reason === "head_moved") throw new ApiRefusal(409, "head out of date");
    const isDraft = error.reason === "draft";
    throw new ApiRefusal(405, isDraft ? "Work in progress PRs cannot be merged" : "Please try again later");
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
  return created([]);
}

async function setLabels(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const known = call.repository.labels;
  const names = texts(input["labels"]).flatMap((id) => known[Number(id) - 1] ?? []);
  call.repository.updatePullRequest(pullNumbered(call, number), { labels: names });
  return ok(names.map((name) => ({ name })));
}

const commentsOf = ({ repository }: RepositoryCall, number: string | undefined, onLines: boolean) =>
  repository.comments.filter(
    (comment) => comment.number === Number(number) && (comment.path !== undefined) === onLines,
  );

/** Each comment on a line is a review of its own, with the comment's id. */
async function listReviews(call: RepositoryCall, [number]: readonly string[]): Promise<ApiAnswer> {
  pullNumbered(call, number);
  return page(call, commentsOf(call, number, true), ({ id }) => ({
    ...{ id, state: "COMMENT", body: "", comments_count: 1 },
  }));
}

async function addReview(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  const [given] = Array.isArray(input["comments"]) ? (input["comments"] as Input[]) : [];
  if (given === undefined) throw new ApiRefusal(422, "review is empty");
  const comment = call.repository.addComment({
    ...{ number: pull.number, author: call.grant.user, body: requireText(given, "body") },
    ...{ path: requireText(given, "path"), line: Number(given["new_position"]) },
    commit: requireText(input, "commit_id"),
  });
  return ok({ id: comment.id, state: input["event"], body: "", comments_count: 1 });
}

async function listReviewComments(
  call: RepositoryCall,
  [number, review]: readonly string[],
): Promise<ApiAnswer> {
  const list = commentsOf(call, number, true).filter(({ id }) => id === Number(review));
  return ok(list.map((comment) => commentShape(call.server, call.repository, comment)));
}

async function listRecentComments(call: RepositoryCall): Promise<ApiAnswer> {
  const { repository, request, server } = call;
  const since = Date.parse(request.url.searchParams.get("since") ?? "1970-01-01T00:00:00Z");
  const found = repository.comments.filter(
    ({ path, createdAt, editedAt = 0 }) => path === undefined && Math.max(createdAt, editedAt) >= since,
  );
  return page(call, found, (each) => commentShape(server, repository, each));
}

async function listComments(call: RepositoryCall, [number]: readonly string[]): Promise<ApiAnswer> {
  if (!call.repository.issues.has(Number(number))) pullNumbered(call, number);
  const list = commentsOf(call, number, false);
  return ok(list.map((comment) => commentShape(call.server, call.repository, comment)));
}

async function addComment(
  call: RepositoryCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  if (!call.repository.issues.has(Number(number))) pullNumbered(call, number);
  const given = { number: Number(number), author: call.grant.user, body: requireText(input, "body") };
  return created(commentShape(call.server, call.repository, call.repository.addComment(given)));
}

/** Without `type`, pull requests are listed too. */
async function listIssues(call: RepositoryCall): Promise<ApiAnswer> {
  const { repository, request, server } = call;
  const state = request.url.searchParams.get("state") ?? "open";
  const pulls =
    request.url.searchParams.get("type") === "issues" ? [] : [...repository.pullRequests.values()];
  const list = [...repository.issues.values(), ...pulls].filter(
    (issue) => state === "all" || issue.state === state,
  );
  return page(call, list, (issue) => issueShape(server, repository, issue));
}

async function getIssue(call: RepositoryCall, [number]: readonly string[]): Promise<ApiAnswer> {
  const { server, repository } = call;
  const issue = repository.issues.get(Number(number));
  if (issue !== undefined) return ok(issueShape(server, repository, issue));
  return ok({ ...issueShape(server, repository, pullNumbered(call, number)), pull_request: {} });
}

async function listStatuses(call: RepositoryCall, [commit]: readonly string[]): Promise<ApiAnswer> {
  const list = call.repository.checks.filter((check) => check.commit === commit);
  const { items, headers } = pageOf(call.request.url, list, pageSize(call.request.url));
  const statuses = items.map(statusShape).map(({ state, ...rest }) => ({ ...rest, status: state }));
  return { status: 200, body: { sha: commit, statuses, total_count: list.length }, headers };
}

async function setStatus(
  call: RepositoryCall,
  [commit = ""]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const state = requireText(input, "state");
  const conclusion = state === "pending" ? null : state === "success" ? "success" : "failure";
  const target = input["target_url"];
  const webUrl = typeof target === "string" && target !== "" ? target : null;
  const check = call.repository.setCheck(requireText(input, "context"), commit, conclusion, { webUrl });
  const { state: status, ...rest } = statusShape(check);
  return created({ ...rest, status });
}
