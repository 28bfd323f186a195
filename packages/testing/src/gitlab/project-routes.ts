import {
  ChangeRefused,
  type HostedComment,
  type HostedHook,
  type HostedPullRequest,
  type HostedRepository,
} from "../forge-server/repository.ts";
import { type ApiAnswer, type ApiRequest, pageOf } from "../forge-server/server.ts";
import { ApiRefusal, type TokenForge, type TokenGrant } from "../forge-server/token-forge.ts";
import {
  issueShape,
  mergeRequestShape,
  noteShape,
  projectShape,
  shownTitle,
  statusShape,
  userShape,
} from "./shapes.ts";

/** A request for something in a project that its token reaches. */
export interface ProjectCall {
  readonly forge: TokenForge;
  readonly server: string;
  readonly repository: HostedRepository;
  readonly request: ApiRequest;
  readonly grant: TokenGrant;
  /** Path below `/projects/ID/`. */
  readonly path: string;
}

type Input = Readonly<Record<string, unknown>>;
type Handler = (call: ProjectCall, matched: readonly string[], input: Input) => Promise<ApiAnswer>;

const routes: readonly (readonly [RegExp, Handler])[] = [
  [/^GET $/, async ({ server, repository }) => ok(projectShape(server, repository))],
  [/^GET repository\/branches$/, listBranches],
  [/^GET merge_requests$/, listMergeRequests],
  [/^POST merge_requests$/, createMergeRequest],
  [/^GET merge_requests\/(\d+)$/, getMergeRequest],
  [/^PUT merge_requests\/(\d+)$/, updateMergeRequest],
  [/^GET merge_requests\/(\d+)\/reviewers$/, listReviewers],
  [/^PUT merge_requests\/(\d+)\/merge$/, merge],
  [/^GET merge_requests\/(\d+)\/versions$/, listVersions],
  [/^GET merge_requests\/(\d+)\/notes$/, listNotes],
  [/^POST merge_requests\/(\d+)\/notes$/, addNote],
  [/^POST merge_requests\/(\d+)\/discussions$/, addDiscussion],
  [/^GET events$/, listEvents],
  [/^GET issues$/, listIssues],
  [/^GET issues\/(\d+)$/, getIssue],
  [/^POST issues\/(\d+)\/notes$/, addIssueNote],
  [/^GET members\/all$/, listMembers],
  [/^GET labels$/, async (call) => page(call, call.repository.labels, (name) => ({ name }))],
  [/^GET hooks$/, async ({ repository }) => ok(repository.hooks.map(hookShape))],
  [/^POST hooks$/, keepHook],
  [/^PUT hooks\/(\d+)$/, keepHook],
  [/^GET repository\/commits\/([0-9a-f]{40})\/statuses$/, listStatuses],
  [/^POST statuses\/([0-9a-f]{40})$/, setStatus],
];

export async function answerForProject(call: ProjectCall): Promise<ApiAnswer> {
  const { method, body } = call.request;
  if (method !== "GET" && !call.grant.canWrite) throw new ApiRefusal(403, "403 Forbidden");
  for (const [pattern, handler] of routes) {
    const matched = pattern.exec(`${method} ${call.path}`);
    if (matched !== null) return await handler(call, matched.slice(1), body === "" ? {} : JSON.parse(body));
  }
  throw new ApiRefusal(404, "404 Not Found");
}

export function pageSize(url: URL): number {
  return Math.min(100, Number(url.searchParams.get("per_page") ?? 20));
}

const ok = (body: unknown): ApiAnswer => ({ status: 200, body });
const hookShape = ({ id, url }: HostedHook) => ({
  id,
  url,
  token_present: true,
  signing_token_present: true,
});

async function keepHook(
  { repository }: ProjectCall,
  [id]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const known = id === undefined ? undefined : Number(id);
  const hook = repository.keepHook(known, requireText(input, "url"), requireText(input, "token"));
  if (hook === undefined) throw new ApiRefusal(404, "404 Not Found");
  return { status: id === undefined ? 201 : 200, body: hookShape(hook) };
}

const created = (body: unknown): ApiAnswer => ({ status: 201, body });

function page<Item>(call: ProjectCall, list: readonly Item[], shape: (item: Item) => unknown): ApiAnswer {
  const { items, headers } = pageOf(call.request.url, list, pageSize(call.request.url));
  return { status: 200, body: items.map(shape), headers };
}

function pullNumbered({ repository }: ProjectCall, number: string | undefined): HostedPullRequest {
  const pull = repository.pullRequests.get(Number(number));
  if (pull === undefined) throw new ApiRefusal(404, "404 Not found");
  return pull;
}

function requireText(input: Input, field: string): string {
  const value = input[field];
  if (typeof value === "string" && value !== "") return value;
  throw new ApiRefusal(400, `${field} is missing`);
}

const shapeOf = (call: ProjectCall, pull: HostedPullRequest, isMergeable?: boolean) =>
  mergeRequestShape(
    ...([call.server, call.repository, pull] as const),
    {
      reviewers: [...pull.reviewers, ...(pull.reviewedBy ?? [])].map((login) => call.forge.user(login)),
      assignees: pull.assignees.map((login) => call.forge.user(login)),
    },
    isMergeable,
  );

const draftPrefix = /^draft:\s*/i;
const titleOf = (shown: string) => ({
  title: shown.replace(draftPrefix, ""),
  draft: draftPrefix.test(shown),
});
const labelsOf = (value: unknown) =>
  typeof value === "string" ? { labels: value.split(",").filter((label) => label !== "") } : {};

function peopleOf({ forge }: ProjectCall, input: Input) {
  const loginsOf = (field: string) => {
    const value = input[field];
    return Array.isArray(value) ? value.flatMap((id) => forge.userById(Number(id))?.login ?? []) : undefined;
  };
  const reviewers = loginsOf("reviewer_ids");
  const assignees = loginsOf("assignee_ids");
  return { ...(reviewers && { reviewers }), ...(assignees && { assignees }) };
}

const accessLevels = { read: 20, write: 30, admin: 40 } as const;

async function listMembers(call: ProjectCall): Promise<ApiAnswer> {
  const query = call.request.url.searchParams.get("query") ?? "";
  const list = [...call.repository.members].filter(([login]) => login.includes(query));
  return page(call, list, ([login, permission]) => ({
    ...userShape(call.forge.user(login)),
    access_level: accessLevels[permission],
  }));
}

async function listBranches(call: ProjectCall): Promise<ApiAnswer> {
  return page(call, [...call.repository.bare.branches], ([name, id]) => ({
    ...{ name, commit: { id }, protected: call.repository.bare.isProtected(name) },
  }));
}

async function listMergeRequests(call: ProjectCall): Promise<ApiAnswer> {
  const { searchParams } = call.request.url;
  const state = searchParams.get("state") ?? "all";
  const list = [...call.repository.pullRequests.values()]
    .filter((pull) => state === "all" || state === (pull.state === "open" ? "opened" : "closed"))
    .filter(({ head }) => head === (searchParams.get("source_branch") ?? head))
    .sort((left, right) => left.createdAt - right.createdAt || left.number - right.number);
  const sorted = searchParams.get("sort") === "asc" ? list : list.toReversed();
  return page(call, sorted, (pull) => shapeOf(call, pull));
}

async function createMergeRequest(call: ProjectCall, _: readonly string[], input: Input): Promise<ApiAnswer> {
  const { repository, grant } = call;
  const head = requireText(input, "source_branch");
  const base = requireText(input, "target_branch");
  try {
    const pull = await repository.createPullRequest({
      ...{ ...titleOf(requireText(input, "title")), head, base, author: grant.user },
      body: String(input["description"] ?? ""),
    });
    Object.assign(pull, labelsOf(input["labels"]), peopleOf(call, input));
    return { ...(await getMergeRequest(call, [String(pull.number)])), status: 201 };
  } catch (error) {
    if (!(error instanceof ChangeRefused)) throw error;
    if (error.reason === "duplicate")
      throw new ApiRefusal(409, "Another open merge request already exists for this source branch");
    throw new ApiRefusal(400, `source_branch or target_branch: ${error.reason}`);
  }
}

async function getMergeRequest(call: ProjectCall, [number]: readonly string[]): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  return ok(shapeOf(call, pull, await call.repository.isMergeable(pull)));
}

async function updateMergeRequest(
  call: ProjectCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  const { title, description, state_event: event, target_branch: base } = input;
  call.repository.updatePullRequest(pull, {
    ...(typeof title === "string" && title !== shownTitle(pull) ? titleOf(title) : {}),
    ...(typeof description === "string" ? { body: description } : {}),
    ...(typeof base === "string" ? { base } : {}),
    ...(event === "close" ? { state: "closed" as const } : {}),
    ...(event === "reopen" && pull.mergedAt === null ? { state: "open" as const } : {}),
    ...labelsOf(input["labels"]),
    ...peopleOf(call, input),
  });
  return getMergeRequest(call, [String(pull.number)]);
}

async function merge(call: ProjectCall, [number]: readonly string[], input: Input): Promise<ApiAnswer> {
  const pull = pullNumbered(call, number);
  const expected = input["sha"];
  const method = input["squash"] === true ? "squash" : "merge";
  try {
    await call.repository.merge(pull, method, typeof expected === "string" ? expected : undefined);
  } catch (error) {
    if (!(error instanceof ChangeRefused)) throw error;
    if (error.reason === "head_moved")
      throw new ApiRefusal(409, `SHA does not match HEAD of source branch: ${pull.headCommit}`);
    if (error.reason === "conflict") throw new ApiRefusal(422, "Branch cannot be merged");
    throw new ApiRefusal(405, "405 Method Not Allowed");
  }
  return getMergeRequest(call, [String(pull.number)]);
}

/** The emulator keeps the newest version only. */
async function listVersions(call: ProjectCall, [number]: readonly string[]): Promise<ApiAnswer> {
  const { headCommit, base } = pullNumbered(call, number);
  const baseCommit = await call.repository.bare.git(["merge-base", base, headCommit]);
  const version = { head_commit_sha: headCommit, base_commit_sha: baseCommit, start_commit_sha: baseCommit };
  return ok([{ id: 1, ...version }]);
}

/** Comments of the days after one. */
async function listEvents(call: ProjectCall): Promise<ApiAnswer> {
  const { repository, request } = call;
  const after = request.url.searchParams.get("after") ?? "";
  const found = repository.comments.filter(
    ({ createdAt }) => new Date(createdAt).toISOString().slice(0, 10) > after,
  );
  if (request.url.searchParams.get("sort") !== "asc") found.reverse();
  return page(call, found, (each) => {
    const noteable_type = repository.issues.has(each.number) ? "Issue" : "MergeRequest";
    const note = { ...noteShape(each), noteable_type, noteable_iid: each.number };
    return { action_name: "commented on", target_type: "Note", note };
  });
}

async function listNotes(call: ProjectCall, [number]: readonly string[]): Promise<ApiAnswer> {
  pullNumbered(call, number);
  const written = call.repository.comments.filter((comment) => comment.number === Number(number));
  const opened = { id: 1, body: "requested review", system: true, author: null, type: null };
  const notes = [{ ...opened, created_at: new Date(0).toISOString() }, ...written.map(noteShape)];
  return page(call, notes, (note) => note);
}

const comment = (
  call: ProjectCall,
  number: string | undefined,
  input: Input,
  position: Pick<HostedComment, "path" | "line" | "commit"> = {},
) =>
  call.repository.addComment({
    ...{ number: pullNumbered(call, number).number, author: call.grant.user },
    ...{ body: requireText(input, "body"), ...position },
  });

async function addNote(call: ProjectCall, [number]: readonly string[], input: Input): Promise<ApiAnswer> {
  return created(noteShape(comment(call, number, input)));
}

async function addIssueNote(
  call: ProjectCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  if (!call.repository.issues.has(Number(number))) throw new ApiRefusal(404, "404 Not found");
  const given = { number: Number(number), author: call.grant.user, body: requireText(input, "body") };
  return created(noteShape(call.repository.addComment(given)));
}

async function addDiscussion(
  call: ProjectCall,
  [number]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const position: Input = { ...Object(input["position"]) };
  for (const field of ["base_sha", "start_sha", "old_path"]) requireText(position, field);
  const added = comment(call, number, input, {
    ...{ path: requireText(position, "new_path"), line: Number(position["new_line"]) },
    commit: requireText(position, "head_sha"),
  });
  return created({ id: String(added.id), notes: [noteShape(added)] });
}

async function listIssues(call: ProjectCall): Promise<ApiAnswer> {
  const state = call.request.url.searchParams.get("state") ?? "all";
  const list = [...call.repository.issues.values()].filter(
    (issue) => state === "all" || state === (issue.state === "open" ? "opened" : "closed"),
  );
  return page(call, list, (issue) => issueShape(call.server, call.repository, issue));
}

async function getIssue(call: ProjectCall, [number]: readonly string[]): Promise<ApiAnswer> {
  const issue = call.repository.issues.get(Number(number));
  if (issue === undefined) throw new ApiRefusal(404, "404 Not found");
  return ok(issueShape(call.server, call.repository, issue));
}

/** Those who have reviewed stay in the list. */
async function listReviewers(call: ProjectCall, [number]: readonly string[]): Promise<ApiAnswer> {
  const { reviewers, reviewedBy = [] } = pullNumbered(call, number);
  const shapeOf = (login: string, state: string) => ({ user: userShape(call.forge.user(login)), state });
  return ok([
    ...reviewers.map((login) => shapeOf(login, "unreviewed")),
    ...reviewedBy.map((login) => shapeOf(login, "reviewed")),
  ]);
}

async function listStatuses(call: ProjectCall, [commit]: readonly string[]): Promise<ApiAnswer> {
  return page(
    call,
    call.repository.checks.filter((check) => check.commit === commit),
    statusShape,
  );
}

/** A state that is there already is refused. */
async function setStatus(
  call: ProjectCall,
  [commit = ""]: readonly string[],
  input: Input,
): Promise<ApiAnswer> {
  const state = requireText(input, "state");
  const name = requireText(input, "name");
  const { repository } = call;
  const known = repository.checks.find((check) => check.name === name && check.commit === commit);
  if (known !== undefined && statusShape(known).status === state)
    throw new ApiRefusal(400, `Cannot transition status via :run from :${state}`);
  const conclusions = { success: "success", failed: "failure", canceled: "cancelled" } as const;
  const conclusion = conclusions[state as keyof typeof conclusions] ?? null;
  const target = input["target_url"];
  const webUrl = typeof target === "string" ? target : null;
  return created(statusShape(repository.setCheck(name, commit, conclusion, { isStatus: true, webUrl })));
}
