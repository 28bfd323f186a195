/** What a repository tells about the people whom its forge asks: requests for reviews, and comments that name them. */
import { isErrorCode, isHoldfastError } from "@holdfast/core";
import type { ForgeItem } from "../../contract/inbox.ts";
import type { ForgePage, ItemComment } from "../../forges/forge.ts";
import type { ForgeEvent } from "../../forges/webhooks/event.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import type { ForgeSource, PullRequestView } from "../repositories/contract.ts";
import type { RowDatabase } from "../repositories/rows.ts";
import type { RepositoryState } from "../repositories/state.ts";
import type { RepositoryForge } from "./links.ts";
import type { ForgeMention, ForgeNews, ReviewRequest } from "./news.ts";

/** `review_told` has what was told last, `review_done` who has reviewed where the forge keeps them among the others. */
export const reviewSchema = `
CREATE TABLE review_told (number INTEGER PRIMARY KEY, told TEXT NOT NULL);
CREATE TABLE review_done (number INTEGER NOT NULL, login TEXT NOT NULL, PRIMARY KEY (number, login)) WITHOUT ROWID;
CREATE TABLE team (name TEXT PRIMARY KEY, members TEXT NOT NULL) WITHOUT ROWID;
`;

/** The part of the repository's context that is used. */
export interface ReportContext {
  readonly state: RepositoryState;
  readonly db: RowDatabase;
  readonly abortSignal: AbortSignal;
  readonly log: { warn(message: string, fields: Readonly<Record<string, unknown>>): void };
  readonly schedule: { after(ms: number, action: string): Promise<string> };
  client(): {
    getOrCreate(name: string, key: string[]): { send(queue: string, body: unknown): Promise<unknown> };
  };
}

interface TellingRow {
  readonly number: number;
  readonly row: string;
  readonly told: string | null;
  readonly task: string | null;
}

const teamsAction = "internal.readTeams";
const maxPages = 5;
const maxTeams = 20;
/** Pull requests whose reviewers are read after a sync: those that changed last. */
const maxReviewReads = 50;
/** Parts of one message. */
const batch = 50;
/** Read again before the time of the last reading: clocks differ. */
const overlapMs = 60_000;

/** Tells `attention`. What it tells can be told again, so nothing is lost to a process that ends in between. */
export class ForgeReports {
  readonly #host: Pick<BackendHost, "ports" | "forges">;

  constructor(host: Pick<BackendHost, "ports" | "forges">) {
    this.#host = host;
  }

  /** What a webhook may have changed. */
  async onEvent(c: ReportContext, event: ForgeEvent): Promise<void> {
    const { source } = c.state;
    if (source.kind !== "forge" || event.kind === "other" || event.kind === "installation") return;
    if (event.repository.toLowerCase() !== source.fullName.toLowerCase()) return;
    if (event.kind === "pull_request") {
      const { number, updatedAt } = event.pullRequest;
      const [known] = await c.db.execute("SELECT updated_at FROM pull_request WHERE number = ?", number);
      const isLate = known !== undefined && Number(known["updated_at"]) > updatedAt;
      if (event.reviewed !== undefined && !isLate) await keepReviewed(c.db, number, event.reviewed);
      await this.tellReviews(c, number);
      if ((await unknownTeams(c.db)).length > 0) await c.schedule.after(0, teamsAction);
    }
    if (event.kind === "comment" && event.action !== "deleted")
      await this.#tellMentions(c, source, [{ ...event, title: event.title }]);
  }

  /** Compares all requests with what was told: after a sync, and on the timer. */
  async afterSync(c: ReportContext): Promise<void> {
    if (c.state.source.kind !== "forge" || c.state.status !== "synced") return;
    await this.#readReviewed(c);
    await this.readTeams(c, await teamsOf(c.db));
    await this.readComments(c);
  }

  /** Tells who is asked to review one pull request, or any, if that is another than was told. */
  async tellReviews(c: ReportContext, number?: number): Promise<void> {
    const { source } = c.state;
    if (source.kind !== "forge") return;
    const only = number === undefined ? "" : "AND p.number = ?1";
    const values = number === undefined ? [] : [number];
    const rows = (await c.db.execute(
      `SELECT p.number, p.row, t.told, (SELECT task FROM followed f WHERE f.number = p.number ORDER BY task LIMIT 1) AS task
       FROM pull_request p LEFT JOIN review_told t ON t.number = p.number
       WHERE p.state = 'open' AND (t.number IS NOT NULL OR json_array_length(p.row, '$.reviewers') > 0
         OR json_array_length(p.row, '$.reviewTeams') > 0) ${only} ORDER BY p.number`,
      ...values,
    )) as unknown as readonly TellingRow[];
    const reviews: ReviewRequest[] = [];
    const told: { readonly number: number; readonly told: string }[] = [];
    for (const row of rows) {
      const request = await requestOf(c, source, row);
      const text = JSON.stringify(request);
      if (text === row.told) continue;
      reviews.push(request);
      told.push({ number: row.number, told: text });
    }
    const gone = await c.db.execute(
      `SELECT number, told FROM review_told p
       WHERE number NOT IN (SELECT number FROM pull_request WHERE state = 'open') ${only}`,
      ...values,
    );
    for (const row of gone)
      reviews.push({ ...(JSON.parse(String(row["told"])) as ReviewRequest), logins: [] });
    for (let at = 0; at < reviews.length; at += batch)
      await this.#send(c, source, { reviews: reviews.slice(at, at + batch) });
    for (const each of told)
      await c.db.execute(
        "INSERT OR REPLACE INTO review_told (number, told) VALUES (?, ?)",
        each.number,
        each.told,
      );
    for (const row of gone) {
      await c.db.execute("DELETE FROM review_told WHERE number = ?", Number(row["number"]));
      await c.db.execute("DELETE FROM review_done WHERE number = ?", Number(row["number"]));
    }
  }

  /** Reads who has reviewed, where the forge keeps them among the reviewers: no list of pull requests tells. */
  async #readReviewed(c: ReportContext): Promise<void> {
    const { source } = c.state;
    if (source.kind !== "forge") return;
    try {
      const forge = await this.#host.forges.open(source);
      if (forge.reviewed === undefined) return;
      const asked = await c.db.execute(
        `SELECT number FROM pull_request WHERE state = 'open' AND json_array_length(row, '$.reviewers') > 0
         ORDER BY updated_at DESC LIMIT ?`,
        maxReviewReads,
      );
      for (const row of asked) {
        const number = Number(row["number"]);
        const logins = await forge.reviewed(source.fullName, number, c.abortSignal);
        await keepReviewed(c.db, number, logins);
      }
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      c.log.warn("reviews of a repository could not be read", { repository: c.state.id, error });
    }
  }

  /** Reads who is in teams, and tells what follows. A team that the credential may not see is nobody. */
  async readTeams(c: ReportContext, names?: readonly string[]): Promise<void> {
    const { source } = c.state;
    if (source.kind !== "forge") return;
    for (const name of names ?? (await unknownTeams(c.db))) {
      const members = await this.#membersOf(c, source, name);
      if (members === undefined) continue;
      const keep = "INSERT OR REPLACE INTO team (name, members) VALUES (?, ?)";
      await c.db.execute(keep, name, JSON.stringify(members));
    }
    await this.tellReviews(c);
  }

  /** Reads the comments since the last time: those of before the first time are no news. */
  async readComments(c: ReportContext): Promise<void> {
    const { source, commentsReadAt: since } = c.state;
    const startedAt = this.#host.ports.clock.now();
    if (source.kind !== "forge") return;
    try {
      if (since !== undefined) {
        const forge = await this.#host.forges.open(source);
        const comments: ItemComment[] = [];
        for (let page: number | undefined = 1; page !== undefined && page <= maxPages; ) {
          const found: Awaited<ReturnType<typeof forge.recentComments>> = await forge.recentComments(
            ...([source.fullName, since - overlapMs, page, c.abortSignal] as const),
          );
          comments.push(...found.items);
          page = found.nextPage;
        }
        // The last one is what an entry about the same item shows.
        comments.sort((a, b) => a.comment.createdAt - b.comment.createdAt);
        await this.#tellMentions(c, source, comments);
      }
      c.state.commentsReadAt = startedAt;
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      c.log.warn("comments of a repository could not be read", { repository: c.state.id, error });
    }
  }

  /** Whether an account has written this text, and nothing else, since a time, and nobody has changed it. */
  async hasComment(
    c: ReportContext,
    { login, text, since }: { readonly login: string; readonly text: string; readonly since: number },
  ): Promise<boolean> {
    const { source } = c.state;
    if (source.kind !== "forge") return false;
    const forge = await this.#host.forges.open(source);
    for (let page: number | undefined = 1; page !== undefined && page <= maxPages; ) {
      const found: Awaited<ReturnType<typeof forge.recentComments>> = await forge.recentComments(
        ...([source.fullName, since - overlapMs, page, c.abortSignal] as const),
      );
      const isProof = ({ comment }: ItemComment) =>
        comment.author.toLowerCase() === login.toLowerCase() &&
        comment.body.trim() === text &&
        comment.editedAt === undefined;
      if (found.items.some(isProof)) return true;
      page = found.nextPage;
    }
    return false;
  }

  /** Nothing of the repository is asked any more. */
  async gone(c: ReportContext): Promise<void> {
    const { source } = c.state;
    if (source.kind === "forge") await this.#send(c, source, { isGone: true });
  }

  async #tellMentions(
    c: ReportContext,
    source: ForgeSource,
    comments: readonly (ItemComment & { readonly title?: string | undefined })[],
  ): Promise<void> {
    const mentions: ForgeMention[] = [];
    for (const { number, comment, title, isOnPullRequest } of comments) {
      const logins = mentionedLogins(comment.body);
      if (logins.length === 0) continue;
      const known = { title, webUrl: comment.webUrl, isOnPullRequest };
      const item = await itemOf(c, source, number, known);
      // Comments on lines have numbers of their own.
      const id = `${comment.path === undefined ? "" : "line/"}${comment.id}`;
      const text = comment.body.slice(0, studioLimits.maxInboxText);
      mentions.push({ id, item, author: comment.author, text, logins });
    }
    for (let at = 0; at < mentions.length; at += batch)
      await this.#send(c, source, { mentions: mentions.slice(at, at + batch) });
  }

  async #send(
    c: ReportContext,
    source: ForgeSource,
    part: Pick<ForgeNews, "reviews" | "mentions" | "isGone">,
  ): Promise<void> {
    const { id: repository, organization } = c.state;
    const { server } = forgeOf(source);
    const news: ForgeNews = { version: 1, repository, server, at: this.#host.ports.clock.now(), ...part };
    try {
      await c.client().getOrCreate("attention", [organization]).send("forge", news);
    } catch (error) {
      // The organization is being deleted with its repositories: nobody reads it.
      if (!isErrorCode(error, "organization", "not_found")) throw error;
    }
  }

  async #membersOf(
    c: ReportContext,
    source: ForgeSource,
    team: string,
  ): Promise<readonly string[] | undefined> {
    const members: string[] = [];
    try {
      const forge = await this.#host.forges.open(source);
      for (let page: number | undefined = 1; page !== undefined && page <= maxPages; ) {
        const found: ForgePage<string> | undefined = await forge.teamMembers?.(team, page, c.abortSignal);
        members.push(...(found?.items ?? []));
        page = found?.nextPage;
      }
      return members;
    } catch (error) {
      if (isErrorCode(error, "forge", "not_found") || isErrorCode(error, "forge", "forbidden")) return [];
      if (!isHoldfastError(error)) throw error;
      c.log.warn("a team of a forge could not be read", { repository: c.state.id, team, error });
      return undefined;
    }
  }
}

/** The server of a repository, as accounts name it. */
export function forgeOf({ forge, apiUrl, fullName }: ForgeSource): RepositoryForge {
  const { origin, pathname } = new URL(apiUrl);
  return { forge, server: `${origin}${pathname.replace(/\/$/, "")}`, name: fullName };
}

/** Logins after an `@` that begins a word, in lower case. What is written as code names nobody. */
export function mentionedLogins(text: string): readonly string[] {
  const prose = text.replaceAll(/```[\s\S]*?(?:```|$)/g, " ").replaceAll(/`[^`\n]*`/g, " ");
  const found = prose.matchAll(
    /(?<![\p{L}\p{N}_.%+/@-])@([\p{L}\p{N}][\p{L}\p{N}_.-]{0,99})(?![\p{L}\p{N}_.-]*[/@])/gu,
  );
  return [...new Set(Array.from(found, ([, name = ""]) => name.replace(/[._-]+$/, "").toLowerCase()))].slice(
    0,
    50,
  );
}

async function requestOf(c: ReportContext, source: ForgeSource, row: TellingRow): Promise<ReviewRequest> {
  const pull = JSON.parse(row.row) as PullRequestView;
  const done = await c.db.execute("SELECT login FROM review_done WHERE number = ?", row.number);
  const asked = new Set(pull.reviewers.map((login) => login.toLowerCase()));
  for (const { login } of done) asked.delete(String(login));
  for (const name of pull.reviewTeams ?? []) {
    const [team] = await c.db.execute("SELECT members FROM team WHERE name = ?", name);
    const members = team === undefined ? [] : (JSON.parse(String(team["members"])) as readonly string[]);
    for (const login of members) asked.add(login.toLowerCase());
  }
  asked.delete(pull.author.toLowerCase());
  const item: ForgeItem = {
    ...{ kind: "pull-request", repositoryId: c.state.id, repository: source.fullName, number: row.number },
    ...{
      title: pull.title.slice(0, studioLimits.maxPullRequestTitle),
      webUrl: pull.webUrl,
      author: pull.author,
    },
    ...(row.task === null ? {} : { taskId: row.task }),
  };
  return { item, logins: [...asked].sort() };
}

/** The item of a comment. The number says whether it is a pull request, except at GitLab, which counts the two apart. */
async function itemOf(
  c: ReportContext,
  source: ForgeSource,
  number: number,
  known: {
    readonly title: string | undefined;
    readonly webUrl: string;
    readonly isOnPullRequest: boolean | undefined;
  },
): Promise<ForgeItem> {
  const [row] = await c.db.execute(
    `SELECT row, (SELECT task FROM followed f WHERE f.number = p.number ORDER BY task LIMIT 1) AS task
     FROM pull_request p WHERE number = ?`,
    number,
  );
  const about = { repositoryId: c.state.id, repository: source.fullName, number, webUrl: known.webUrl };
  const cut = (title: string) => title.slice(0, studioLimits.maxPullRequestTitle);
  const isIssue = row === undefined || (source.forge === "gitlab" && known.isOnPullRequest === false);
  if (isIssue) return { kind: "issue", ...about, title: cut(known.title ?? ""), author: "" };
  const pull = JSON.parse(String(row["row"])) as PullRequestView;
  const task = row["task"] === null ? {} : { taskId: String(row["task"]) };
  return { kind: "pull-request", ...about, title: cut(pull.title), author: pull.author, ...task };
}

async function keepReviewed(db: RowDatabase, number: number, logins: readonly string[]): Promise<void> {
  await db.execute("DELETE FROM review_done WHERE number = ?", number);
  for (const login of logins)
    await db.execute(
      "INSERT OR IGNORE INTO review_done (number, login) VALUES (?, ?)",
      number,
      login.toLowerCase(),
    );
}

/** Teams that open pull requests ask. */
async function teamsOf(db: RowDatabase): Promise<readonly string[]> {
  const rows = await db.execute(
    `SELECT DISTINCT t.value AS name FROM pull_request p, json_each(p.row, '$.reviewTeams') t
     WHERE p.state = 'open' AND json_array_length(p.row, '$.reviewTeams') > 0 ORDER BY name LIMIT ?`,
    maxTeams,
  );
  return rows.map(({ name }) => String(name));
}

async function unknownTeams(db: RowDatabase): Promise<readonly string[]> {
  const known = new Set((await db.execute("SELECT name FROM team")).map(({ name }) => String(name)));
  return (await teamsOf(db)).filter((name) => !known.has(name));
}
