/** The forge's API: what GitHub, Gitea and Forgejo have in common. */
import { CriticalError } from "holdfast/workflow";
import { forge } from "./settings.ts";

const timeoutMs = 30_000;
const maxCommentPages = 10;
/** Answers besides 5xx after which a step is tried again: mostly rate limits. */
const retried = [403, 408, 425, 429];
const writers = ["write", "maintain", "admin", "owner"];

export interface Issue {
  readonly title: string;
  readonly body: string;
}

/** A person may start jobs who may write to the repository. */
export async function mayWrite(repository: string, login: string): Promise<boolean> {
  const path = `collaborators/${encodeURIComponent(login)}/permission`;
  const found = await call<{ permission?: string }>("GET", repository, path, undefined, [404]);
  return writers.includes(found?.permission ?? "");
}

export async function defaultBranch(repository: string): Promise<string> {
  const found = await call<{ default_branch?: string }>("GET", repository, "");
  return found?.default_branch ?? "main";
}

export async function readIssue(repository: string, number: number): Promise<Issue> {
  const found = await call<{ title?: string; body?: string | null }>("GET", repository, `issues/${number}`);
  return { title: found?.title ?? `Issue ${number}`, body: found?.body ?? "" };
}

/** Comments once, however often it is called: an invisible mark says which comment it is. */
export async function comment(repository: string, number: number, mark: string, body: string): Promise<void> {
  const hidden = `<!-- pull-request-bot ${mark} -->`;
  for (let page = 1; page <= maxCommentPages; page += 1) {
    const path = `issues/${number}/comments?per_page=100&limit=50&page=${page}`;
    const found = (await call<{ body?: string }[]>("GET", repository, path)) ?? [];
    if (found.some((each) => each.body?.includes(hidden))) return;
    if (found.length < 50) break;
  }
  await call("POST", repository, `issues/${number}/comments`, { body: `${body}\n\n${hidden}` });
}

/** Opens a pull request, or finds the one of this branch. Returns its address. */
export async function openPullRequest(
  repository: string,
  wanted: { readonly head: string; readonly base: string; readonly title: string; readonly body: string },
): Promise<{ readonly number: number; readonly url: string }> {
  const [owner] = repository.split("/");
  const query = `pulls?state=all&per_page=50&limit=50&head=${encodeURIComponent(`${owner}:${wanted.head}`)}`;
  const list = (await call<PullRequest[]>("GET", repository, query)) ?? [];
  const known = list.find(({ head }) => head.ref === wanted.head);
  const pull = known ?? (await call<PullRequest>("POST", repository, "pulls", wanted));
  if (pull === undefined) throw new Error("The forge answered without a pull request");
  return { number: pull.number, url: pull.html_url };
}

interface PullRequest {
  readonly number: number;
  readonly html_url: string;
  readonly head: { readonly ref: string };
}

async function call<Answer>(
  method: string,
  repository: string,
  path: string,
  body?: unknown,
  missing: readonly number[] = [],
): Promise<Answer | undefined> {
  const response = await fetch(`${forge.apiUrl}/repos/${repository}${path === "" ? "" : `/${path}`}`, {
    method,
    headers: {
      accept: "application/json",
      authorization: `Bearer ${forge.token}`,
      "content-type": "application/json",
      "user-agent": "pull-request-bot",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (missing.includes(response.status)) return undefined;
  if (response.ok) return (await response.json()) as Answer;
  const said = (await response.text()).slice(0, 300);
  // Without the token: a refusal that repeats it must not reach a log or a comment.
  const words = forge.token === "" ? said : said.replaceAll(forge.token, "(token)");
  const message = `The forge refused ${method} ${path || repository}: ${response.status} ${words}`;
  throw retried.includes(response.status) || response.status >= 500
    ? new Error(message)
    : new CriticalError(message);
}
