import type { ForgeBranch, ForgePage, PullRequest } from "../../forges/forge.ts";
import type { DeliveredPullRequest } from "../../forges/webhooks/event.ts";
import type { BranchView, PullRequestQuery, PullRequestView } from "./contract.ts";

export const repositorySchema = `
CREATE TABLE pass (only INTEGER PRIMARY KEY CHECK (only = 1), number INTEGER NOT NULL, list TEXT, page INTEGER);
INSERT INTO pass VALUES (1, 0, NULL, NULL);
CREATE TABLE page (list TEXT, number INTEGER, etag TEXT, next INTEGER, PRIMARY KEY (list, number)) WITHOUT ROWID;
CREATE TABLE branch (
  name TEXT PRIMARY KEY, commit_id TEXT NOT NULL, is_protected INTEGER NOT NULL, page INTEGER, seen INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE pull_request (
  number INTEGER PRIMARY KEY, state TEXT NOT NULL, updated_at INTEGER NOT NULL, row TEXT NOT NULL,
  page INTEGER, seen INTEGER NOT NULL
);
CREATE INDEX pull_request_by_state ON pull_request (state, number);
CREATE TABLE delivery (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX delivery_by_time ON delivery (at);
`;

export type ListName = "branch" | "pull_request";

/** Page that the sync reads next, and the number of the pass that it belongs to. */
export interface Cursor {
  readonly pass: number;
  readonly list: ListName;
  readonly page: number;
}

export interface RepositoryCounts {
  readonly branches: number;
  readonly pullRequests: number;
  readonly openPullRequests: number;
}

type Value = string | number | null;

/** The part of an actor's database that is used. */
export interface RowDatabase {
  execute(sql: string, ...values: readonly Value[]): Promise<Record<string, unknown>[]>;
  transaction<Result>(run: (tx: Pick<RowDatabase, "execute">) => Promise<Result>): Promise<Result>;
}

const upsertBranches = `
INSERT INTO branch (name, commit_id, is_protected, page, seen)
SELECT value->>'name', value->>'commit', value->>'isProtected', ?1, ?2 FROM json_each(?3) WHERE true
ON CONFLICT (name) DO UPDATE SET
  commit_id = excluded.commit_id, is_protected = excluded.is_protected, page = excluded.page, seen = excluded.seen`;

/** A row that is newer, from a webhook, stays; but it was seen. */
const upsertPullRequests = `
INSERT INTO pull_request (number, state, updated_at, row, page, seen)
SELECT value->>'number', value->>'state', value->>'updatedAt', value, ?1, ?2 FROM json_each(?3) WHERE true
ON CONFLICT (number) DO UPDATE SET
  page = excluded.page, seen = excluded.seen,
  state = iif(excluded.updated_at >= updated_at, excluded.state, state),
  row = iif(excluded.updated_at >= updated_at, excluded.row, row),
  updated_at = max(excluded.updated_at, updated_at)`;

/** Tables of one repository: what the forge has, the tags of its pages, and where the sync is. */
export class RepositoryRows {
  readonly #db: RowDatabase;

  constructor(db: RowDatabase) {
    this.#db = db;
  }

  /** Undefined when no pass runs. */
  async cursor(): Promise<Cursor | undefined> {
    const [row] = await this.#db.execute("SELECT number, list, page FROM pass");
    if (row === undefined || row["list"] === null) return undefined;
    return { pass: Number(row["number"]), list: row["list"] as ListName, page: Number(row["page"]) };
  }

  /** Begins a pass over all lists, unless one runs. */
  async begin(): Promise<void> {
    await this.#db.execute(
      "UPDATE pass SET number = number + 1, list = 'branch', page = 1 WHERE list IS NULL",
    );
  }

  async etag({ list, page }: Cursor): Promise<string | undefined> {
    const [row] = await this.#db.execute("SELECT etag FROM page WHERE list = ? AND number = ?", list, page);
    return typeof row?.["etag"] === "string" ? row["etag"] : undefined;
  }

  /** Keeps a page and moves the cursor behind it: both or neither. Returns the new cursor. */
  async keepPage(
    cursor: Cursor,
    found: ForgePage<ForgeBranch | PullRequest> & { readonly etag: string | undefined },
    lists: readonly ListName[],
  ): Promise<void> {
    const { list, page, pass } = cursor;
    const rows = found.items.map((item) => ("number" in item ? viewOf(item) : item));
    await this.#db.transaction(async (tx) => {
      const upsert = list === "branch" ? upsertBranches : upsertPullRequests;
      await tx.execute(upsert, page, pass, JSON.stringify(rows));
      const keep = "INSERT OR REPLACE INTO page (list, number, etag, next) VALUES (?, ?, ?, ?)";
      await tx.execute(keep, list, page, found.etag ?? null, found.nextPage ?? null);
      await this.#advance(tx, cursor, found.nextPage, lists);
    });
  }

  /** Marks the rows of a page that has not changed, and moves the cursor behind it. */
  async passPage(cursor: Cursor, lists: readonly ListName[]): Promise<void> {
    const { list, page, pass } = cursor;
    await this.#db.transaction(async (tx) => {
      await tx.execute(`UPDATE ${list} SET seen = ? WHERE page = ?`, pass, page);
      const [row] = await tx.execute("SELECT next FROM page WHERE list = ? AND number = ?", list, page);
      const next = row?.["next"];
      await this.#advance(tx, cursor, typeof next === "number" ? next : undefined, lists);
    });
  }

  /** The next page; after the last one, what the pass has not seen is gone, and the next list begins. */
  async #advance(
    tx: Pick<RowDatabase, "execute">,
    { list, page, pass }: Cursor,
    nextPage: number | undefined,
    lists: readonly ListName[],
  ): Promise<void> {
    if (nextPage !== undefined) {
      await tx.execute("UPDATE pass SET page = ?", nextPage);
      return;
    }
    await tx.execute(`DELETE FROM ${list} WHERE seen < ?`, pass);
    await tx.execute("DELETE FROM page WHERE list = ? AND number > ?", list, page);
    const following = lists[lists.indexOf(list) + 1] ?? null;
    await tx.execute("UPDATE pass SET list = ?, page = ?", following, following === null ? null : 1);
  }

  async hasDelivery(id: string): Promise<boolean> {
    return (await this.#db.execute("SELECT id FROM delivery WHERE id = ?", id)).length > 0;
  }

  /** False when this delivery was kept before. Forgets deliveries from before `forgetBefore`. */
  async keepDelivery(id: string, at: number, forgetBefore: number): Promise<boolean> {
    await this.#db.execute("DELETE FROM delivery WHERE at < ?", forgetBefore);
    const insert = "INSERT OR IGNORE INTO delivery (id, at) VALUES (?, ?) RETURNING id";
    return (await this.#db.execute(insert, id, at)).length > 0;
  }

  /** Takes over a pull request of a webhook, unless a newer state is known. Returns false when its author is unknown. */
  async deliverPullRequest(given: DeliveredPullRequest): Promise<boolean> {
    return await this.#db.transaction(async (tx) => {
      const [known] = await tx.execute("SELECT row, page FROM pull_request WHERE number = ?", given.number);
      const before = known === undefined ? undefined : (JSON.parse(String(known["row"])) as PullRequestView);
      const author = given.author ?? before?.author ?? "";
      const page = typeof known?.["page"] === "number" ? known["page"] : null;
      const [pass] = await tx.execute("SELECT number FROM pass");
      const rows = JSON.stringify([viewOf({ ...given, author })]);
      await tx.execute(upsertPullRequests, page, Number(pass?.["number"]), rows);
      // The tag of its page is of rows that are older than this one.
      await tx.execute("UPDATE page SET etag = NULL WHERE list = 'pull_request' AND number = ?", page);
      return author !== "";
    });
  }

  /** Takes over a push. `commit` is undefined when the branch was deleted. */
  async deliverBranch(name: string, commit: string | undefined): Promise<void> {
    if (commit === undefined) {
      await this.#db.execute("DELETE FROM branch WHERE name = ?", name);
      return;
    }
    const insert = `INSERT INTO branch (name, commit_id, is_protected, page, seen)
      VALUES (?, ?, 0, NULL, (SELECT number FROM pass)) ON CONFLICT (name) DO UPDATE SET commit_id = excluded.commit_id`;
    await this.#db.execute(insert, name, commit);
    await this.#db.execute("UPDATE page SET etag = NULL WHERE list = 'branch'");
  }

  async counts(): Promise<RepositoryCounts> {
    const [row] = await this.#db.execute(`SELECT
      (SELECT count(*) FROM branch) AS branches,
      (SELECT count(*) FROM pull_request) AS pulls,
      (SELECT count(*) FROM pull_request WHERE state = 'open') AS open`);
    return {
      branches: Number(row?.["branches"]),
      pullRequests: Number(row?.["pulls"]),
      openPullRequests: Number(row?.["open"]),
    };
  }

  async branches(after: string, limit: number): Promise<readonly BranchView[]> {
    const select = "SELECT name, commit_id, is_protected FROM branch WHERE name > ? ORDER BY name LIMIT ?";
    return (await this.#db.execute(select, after, limit)).map((row) => ({
      ...{ name: String(row["name"]), commit: String(row["commit_id"]) },
      isProtected: row["is_protected"] === 1,
    }));
  }

  async pullRequests({
    state,
    limit = 50,
    before,
    withoutTask = false,
  }: PullRequestQuery): Promise<readonly PullRequestView[]> {
    const where = state === undefined ? "" : "AND state = ?";
    const unopened = withoutTask
      ? `AND number NOT IN (SELECT number FROM followed)
         AND number NOT IN (SELECT number FROM opened WHERE kind = 'pull-request')`
      : "";
    const select = `SELECT row FROM pull_request WHERE number < ? ${where} ${unopened} ORDER BY number DESC LIMIT ?`;
    const values = [before ?? Number.MAX_SAFE_INTEGER, ...(state === undefined ? [] : [state]), limit];
    const rows = await this.#db.execute(select, ...values);
    return rows.map(({ row }) => JSON.parse(String(row)) as PullRequestView);
  }
}

function viewOf({ body: _, isMergeable: __, ...view }: PullRequest): PullRequestView {
  return view;
}
