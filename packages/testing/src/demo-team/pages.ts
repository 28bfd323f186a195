import type { HostedPullRequest, HostedRepository } from "../forge-server/repository.ts";
import { ChangeRefused } from "../forge-server/repository.ts";
import type { ApiAnswer, ApiRequest } from "../forge-server/server.ts";
import type { GitHubEmulator } from "../github/emulator.ts";
import type { Ci } from "./ci.ts";
import { type Markup, markup, page } from "./markup.ts";

/** The web pages of the demo team's forge: what links of the Studio lead to, and what a person would do there. */
export class Pages {
  readonly #github: () => GitHubEmulator;
  readonly #ci: Pick<Ci, "log">;

  constructor(github: () => GitHubEmulator, ci: Pick<Ci, "log">) {
    this.#github = github;
    this.#ci = ci;
  }

  /** Undefined where there is no page. */
  async answer(request: ApiRequest): Promise<ApiAnswer | undefined> {
    const { pathname } = request.url;
    if (request.method === "GET" && pathname === "/") return ok("GitHub of the demo team", this.#home());
    const [, fullName = "", kind, id = "", verb] =
      /^\/([\w-]+\/[\w-]+)(?:\/(pull|issues|runs)\/(\d+)(?:\/(\w+))?)?$/.exec(pathname) ?? [];
    const repository = this.#github().repositories.find((each) => each.fullName === fullName);
    if (repository === undefined) return undefined;
    if (kind === undefined) return ok(fullName, pullList(repository));
    if (kind === "runs") return ok(`Check of ${fullName}`, await this.#run(repository, Number(id)));
    const pull = repository.pullRequests.get(Number(id));
    if (pull === undefined) return undefined;
    if (request.method === "POST") return await this.#change(request, repository, pull, verb);
    return ok(pull.title, await pullPage(repository, pull));
  }

  #home(): Markup {
    const { repositories, accounts } = this.#github();
    const tokens = [...accounts.tokens].filter(([token]) => token.startsWith("ghp_"));
    return markup`<p>An emulator on this machine, for the Studio of the demo team. Nothing here is on the internet.</p>
      ${repositories.map((each) => markup`<h2><a href="/${each.fullName}">${each.fullName}</a></h2>${pullList(each)}`)}
      <h2>Tokens</h2><p>The repositories are connected through the App. To connect one by hand:</p>
      <ul>${tokens.map(([token, { user }]) => markup`<li>${user.login}: <code>${token}</code></li>`)}</ul>`;
  }

  async #run({ fullName, checks }: HostedRepository, id: number): Promise<Markup> {
    const check = checks.find((each) => each.id === id);
    const log = (await this.#ci.log(id)) ?? "It has not ended yet.";
    return markup`<p><a href="/${fullName}">${fullName}</a></p>
      <p>${check?.name ?? "Unknown"}: ${check?.conclusion ?? "running"}</p><pre>${log}</pre>`;
  }

  async #change(
    { body, headers }: ApiRequest,
    repository: HostedRepository,
    pull: HostedPullRequest,
    verb: string | undefined,
  ): Promise<ApiAnswer> {
    // Forms of other sites are none of a person's doing.
    if (headers.origin !== this.#github().url) return { status: 403, body: "Not from this page" };
    const fields = new URLSearchParams(body);
    const text = fields.get("body")?.trim() ?? "";
    const author = this.#github().accounts.user(fields.get("login") === "ada" ? "ada" : "grace");
    try {
      if (verb === "merge") await repository.merge(pull, "merge");
      else if (text !== "") repository.addComment({ number: pull.number, author, body: text });
    } catch (error) {
      if (!(error instanceof ChangeRefused)) throw error;
      return { status: 409, body: `It cannot be merged: ${error.reason}` };
    }
    return { status: 303, headers: { location: `/${repository.fullName}/pull/${pull.number}` } };
  }
}

function ok(title: string, content: Markup): ApiAnswer {
  return { status: 200, body: page(title, content) };
}

function pullList(repository: HostedRepository): Markup {
  const rows = [...repository.pullRequests.values()].map(
    (pull) => markup`<li>${link(repository, pull)} ${state(repository, pull)}</li>`,
  );
  return markup`<ul>${rows}</ul>`;
}

const link = ({ fullName }: HostedRepository, { number, title }: HostedPullRequest) =>
  markup`<a href="/${fullName}/pull/${String(number)}">${title} #${String(number)}</a>`;

function state({ checks }: HostedRepository, pull: HostedPullRequest): Markup {
  if (pull.mergedAt !== null) return markup`<b>merged</b>`;
  if (pull.state === "closed") return markup`<b>closed</b>`;
  const results = checks
    .filter(({ commit }) => commit === pull.headCommit)
    .map(({ name, conclusion }) => `${name} ${conclusion ?? "running"}`);
  return markup`<b>open</b> ${results.join(", ")}`;
}

async function pullPage(repository: HostedRepository, pull: HostedPullRequest): Promise<Markup> {
  const { fullName, comments, checks } = repository;
  const action = `/${fullName}/pull/${pull.number}`;
  const own = comments.filter(({ number }) => number === pull.number);
  const results = checks.filter(({ commit }) => commit === pull.headCommit);
  const diff = await repository.bare
    .git(["diff", `${pull.base}...${pull.headCommit}`])
    .catch(() => "The branch is gone.");
  const isOpen = pull.state === "open";
  return markup`<p><a href="/${fullName}">${fullName}</a> #${String(pull.number)} by ${pull.author.login}:
    <code>${pull.head}</code> into <code>${pull.base}</code>, ${state(repository, pull)}</p>
    <p class="text">${pull.body}</p>
    <h2>Checks</h2><ul>${results.map(
      ({ id, name, conclusion }) =>
        markup`<li><a href="/${fullName}/runs/${String(id)}">${name}</a>: ${conclusion ?? "running"}</li>`,
    )}</ul>
    <h2>Comments</h2><ul>${own.map(
      ({ author, path, line, body }) => markup`<li><b>${author.login}</b>
        ${path === undefined ? "" : markup`on <code>${path}:${String(line)}</code>`}: <span class="text">${body}</span></li>`,
    )}</ul>
    <form method="post" action="${action}/comment">
      <label>Comment as <select name="login"><option>grace</option><option>ada</option></select></label>
      <textarea name="body" rows="3" required aria-label="Comment"></textarea>
      <button>Comment</button>
    </form>
    ${isOpen ? markup`<form method="post" action="${action}/merge"><button>Merge pull request</button></form>` : ""}
    <h2>Changes</h2><pre>${diff}</pre>`;
}
