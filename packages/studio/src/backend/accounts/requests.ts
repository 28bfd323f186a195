/** What forges ask of people, in `attention`: it knows whose the accounts are. */
import type { ForgeItem } from "../../contract/inbox.ts";
import { studioLimits } from "../../limits.ts";
import type { InboxDatabase } from "../inbox/schema.ts";
import type { ForgeMention, ForgeNews, PersonChange } from "./news.ts";

interface StoredRequest {
  readonly repository: string;
  readonly number: number;
  readonly server: string;
  readonly item: string;
  readonly logins: string;
}

/** Takes what a repository tells. Returns what is new for people. */
export async function takeForgeNews(db: InboxDatabase, news: ForgeNews): Promise<readonly PersonChange[]> {
  const { repository, server, at } = news;
  if (news.isGone === true) return dropRepository(db, repository);
  const changes: PersonChange[] = [];
  for (const { item, logins } of news.reviews ?? []) {
    await db.execute(
      `INSERT INTO review_request (repository, number, server, item, logins, at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET server = excluded.server, item = excluded.item, logins = excluded.logins`,
      ...[repository, item.number, server, JSON.stringify(item), JSON.stringify(logins), at],
    );
    changes.push(...(await settle(db, repository, item.number)));
    if (logins.length === 0)
      await db.execute(
        "DELETE FROM review_request WHERE repository = ? AND number = ?",
        repository,
        item.number,
      );
  }
  for (const mention of news.mentions ?? []) changes.push(...(await mentioned(db, news, mention)));
  await db.execute("DELETE FROM comment_told WHERE at < ?", at - studioLimits.webhookMemoryMs);
  return changes;
}

/** What changes for people when accounts of a server have other owners than before. */
export async function settleServer(db: InboxDatabase, server: string): Promise<readonly PersonChange[]> {
  const changes: PersonChange[] = [];
  const rows = db.query<Pick<StoredRequest, "repository" | "number">>(
    "SELECT repository, number FROM review_request WHERE server = ? ORDER BY repository, number",
    server,
  );
  for (const { repository, number } of rows) changes.push(...(await settle(db, repository, number)));
  return changes;
}

/** Whose the accounts are, without those that nobody has. */
function peopleOf(db: InboxDatabase, server: string, logins: readonly string[]): ReadonlySet<string> {
  const read = "SELECT person FROM forge_account WHERE server = ? AND login = ?";
  return new Set(
    logins.flatMap((login) => db.query<{ person: string }>(read, server, login).map(({ person }) => person)),
  );
}

/** Compares who is asked with who was told. */
async function settle(
  db: InboxDatabase,
  repository: string,
  number: number,
): Promise<readonly PersonChange[]> {
  const row = db.get<StoredRequest>(
    "SELECT * FROM review_request WHERE repository = ? AND number = ?",
    repository,
    number,
  );
  if (row === undefined) return [];
  const item = JSON.parse(row.item) as ForgeItem;
  const asked = peopleOf(db, row.server, JSON.parse(row.logins) as readonly string[]);
  const told = new Set(
    db
      .query<{ person: string }>(
        "SELECT person FROM review_asked WHERE repository = ? AND number = ?",
        repository,
        number,
      )
      .map(({ person }) => person),
  );
  const changes: PersonChange[] = [];
  for (const person of asked) {
    if (told.has(person)) continue;
    await db.execute("INSERT INTO review_asked VALUES (?, ?, ?)", repository, number, person);
    changes.push({ person, change: { type: "review-requested", item } });
  }
  for (const person of told) {
    if (asked.has(person)) continue;
    await db.execute(
      "DELETE FROM review_asked WHERE repository = ? AND number = ? AND person = ?",
      ...[repository, number, person],
    );
    changes.push({ person, change: { type: "review-ended", repositoryId: repository, number } });
  }
  return changes;
}

async function mentioned(
  db: InboxDatabase,
  { repository, server, at }: ForgeNews,
  { id, item, author, text, logins }: ForgeMention,
): Promise<readonly PersonChange[]> {
  const own = peopleOf(db, server, [author]);
  const changes: PersonChange[] = [];
  const cause = `${repository}/${id}`;
  for (const person of peopleOf(db, server, logins)) {
    if (own.has(person)) continue;
    const insert = "INSERT INTO comment_told VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id";
    if ((await db.execute(insert, cause, person, at)).length === 0) continue;
    const words = `${author}: ${text}`.slice(0, studioLimits.maxInboxText);
    changes.push({ person, change: { type: "mentioned", item, text: words, cause } });
  }
  return changes;
}

/** Every account of the server may have had an entry of a comment. */
async function dropRepository(db: InboxDatabase, repository: string): Promise<readonly PersonChange[]> {
  await db.execute("DELETE FROM review_request WHERE repository = ?", repository);
  await db.execute("DELETE FROM review_asked WHERE repository = ?", repository);
  return db
    .query<{ person: string }>("SELECT DISTINCT person FROM forge_account ORDER BY person")
    .map(({ person }) => ({ person, change: { type: "repository-gone", repositoryId: repository } }));
}
