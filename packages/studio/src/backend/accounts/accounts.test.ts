import assert from "node:assert/strict";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { describe, test } from "node:test";
import { isErrorCode, systemPorts } from "@holdfast/core";
import type { ForgeItem } from "../../contract/inbox.ts";
import type { AccountProof } from "../../contract/people.ts";
import type { Forge, ItemComment, PullRequest } from "../../forges/forge.ts";
import type { ForgeEvent } from "../../forges/webhooks/event.ts";
import type { InboxDatabase } from "../inbox/schema.ts";
import type { ForgeSource } from "../repositories/contract.ts";
import { followSchema } from "../repositories/follow.ts";
import { RepositoryRows, type RowDatabase, repositorySchema } from "../repositories/rows.ts";
import { newRepositoryState } from "../repositories/state.ts";
import { linkAccount, listAccounts, unlinkAccounts } from "./accounts.ts";
import type { ForgeNews } from "./news.ts";
import { ForgeReports, mentionedLogins, type ReportContext, reviewSchema } from "./report.ts";
import { settleServer, takeForgeNews } from "./requests.ts";
import { accountSchema } from "./schema.ts";

const server = "https://forge.example/api";

function inMemory(schema: string) {
  const sqlite = new DatabaseSync(":memory:");
  sqlite.exec(schema);
  const all = (sql: string, values: readonly unknown[]) =>
    sqlite.prepare(sql).all(...(values as readonly SQLInputValue[]));
  const execute: RowDatabase["execute"] = async (sql, ...values) => all(sql, values);
  const rows: RowDatabase = { execute, transaction: (run) => run({ execute }) };
  const db = {
    execute,
    query: (sql: string, ...values: readonly unknown[]) => all(sql, values),
    get: (sql: string, ...values: readonly unknown[]) => all(sql, values)[0],
  } as unknown as InboxDatabase;
  return { rows, db };
}

const account = (person: string, login: string, proof: AccountProof) => ({
  ...{ person, server, forge: "github" as const, login, proof, linkedAt: 1 },
});

describe("an account at a forge", () => {
  const refused = (code: string) => (error: unknown) => isErrorCode(error, "account", code);

  test("is taken by a better proof, and by no equal or lesser one", async () => {
    const { db } = inMemory(accountSchema);
    await linkAccount(db, account("eve", "ada", "admin"));
    // An admin may change their mind.
    await linkAccount(db, account("mal", "ada", "admin"));
    await linkAccount(db, account("ada", "Ada", "comment"));
    await assert.rejects(linkAccount(db, account("mal", "ada", "admin")), refused("taken"));
    await assert.rejects(linkAccount(db, account("mal", "ADA", "comment")), refused("taken"));
    // Who has proven an account is given no other one by an admin.
    await assert.rejects(linkAccount(db, account("ada", "eve", "admin")), refused("proven"));
    assert.deepEqual(
      listAccounts(db).map(({ person, login }) => [person, login]),
      [["ada", "Ada"]],
    );
    await linkAccount(db, account("bob", "ada", "sign-in"));
    await assert.rejects(linkAccount(db, account("ada", "ada", "comment")), refused("taken"));
    assert.deepEqual(
      listAccounts(db).map(({ person, proof }) => [person, proof]),
      [["bob", "sign-in"]],
    );
    // A person has one at each server; another login of theirs takes its place.
    await linkAccount(db, account("bob", "robert", "sign-in"));
    assert.equal(listAccounts(db).length, 1);
    assert.deepEqual(await unlinkAccounts(db, "bob"), [server]);
    assert.deepEqual(listAccounts(db), []);
  });
});

const source: ForgeSource = {
  ...{ kind: "forge", forge: "github", apiUrl: `${server}/`, fullName: "team/app" },
  credential: { kind: "token", secret: "token" },
};

function pull(more: Partial<PullRequest>): PullRequest {
  return {
    ...{ number: 1, title: "Add a feature", body: "", state: "open", isDraft: false, author: "ada" },
    ...{ headBranch: "feature", headRepository: "team/app", headCommit: "c", baseBranch: "main" },
    ...{ mergeCommit: undefined, isMergeable: undefined, labels: [], reviewers: [], assignees: [] },
    ...{ webUrl: "https://forge.example/team/app/pull/1", createdAt: 1, updatedAt: 1 },
    ...more,
  };
}

/** A repository and the list of accounts of its organization, with what each person was told. */
function open(forgeSource: ForgeSource = source) {
  const repository = inMemory(`${repositorySchema} ${followSchema} ${reviewSchema}`);
  const attention = inMemory(accountSchema);
  const told: string[] = [];
  const items: ForgeItem[] = [];
  let at = 0;
  const note = (changes: Awaited<ReturnType<typeof takeForgeNews>>) => {
    for (const { person, change } of changes)
      told.push(`${person} ${change.type}${change.type === "mentioned" ? ` ${change.text}` : ""}`);
    items.push(...changes.flatMap(({ change }) => (change.type === "mentioned" ? [change.item] : [])));
  };
  const send = async (_queue: string, news: ForgeNews) => {
    note(await takeForgeNews(attention.db, JSON.parse(JSON.stringify(news)) as ForgeNews));
  };
  const comments: ItemComment[] = [];
  const teams = new Map([["team/reviewers", ["ada", "grace"]]]);
  const forge: Partial<Forge> = {
    recentComments: async (_name: string, since: number) => ({
      items: comments.filter(({ comment }) => comment.createdAt >= since),
      nextPage: undefined,
    }),
    teamMembers: async (name: string) => ({ items: teams.get(name) ?? [], nextPage: undefined }),
  };
  const state = newRepositoryState({ id: "r", organization: "local", source: forgeSource });
  state.status = "synced";
  const c = {
    ...{ state, db: repository.rows, abortSignal: new AbortController().signal, log: { warn: () => {} } },
    schedule: { after: async () => "" },
    client: () => ({ getOrCreate: () => ({ send }) }),
  } as unknown as ReportContext;
  const ports = { ...systemPorts(), clock: { ...systemPorts().clock, now: () => at } };
  const reports = new ForgeReports({ ports, forges: { open: async () => forge } } as never);
  const rows = new RepositoryRows(repository.rows);
  const take = () => told.splice(0);
  return {
    ...{ c, reports, attention, comments, note, take, items, forge },
    advance: (ms: number) => {
      at += ms;
    },
    /** A webhook about the pull request as it is then. */
    async deliver(more: Partial<PullRequest>, extra: Partial<ForgeEvent> = {}) {
      at += 1;
      const pullRequest = pull({ ...more, updatedAt: at });
      await rows.deliverPullRequest(pullRequest);
      const about = { kind: "pull_request", repository: "team/app", sender: undefined } as const;
      const event = { ...about, pullRequest, change: { type: "other" }, ...extra } as ForgeEvent;
      await reports.onEvent(c, event);
      return take();
    },
  };
}

const comment = (
  id: string,
  author: string,
  body: string,
  createdAt = 0,
  editedAt?: number,
): ItemComment => ({
  number: 1,
  comment: {
    ...{ id, author, body, createdAt, webUrl: "https://forge.example/c" },
    ...(editedAt === undefined ? {} : { editedAt }),
  },
});

describe("what a forge asks", () => {
  test("is told once, and taken back when nobody waits for it any more", async () => {
    const { deliver, attention, note, take, reports, c } = open();
    assert.deepEqual(await deliver({ reviewers: ["Grace"] }), []);
    await linkAccount(attention.db, account("g", "grace", "admin"));
    note(await settleServer(attention.db, server));
    assert.deepEqual(take(), ["g review-requested"]);
    assert.deepEqual(await deliver({ reviewers: ["Grace"], title: "Another title" }), []);
    await reports.tellReviews(c);
    assert.deepEqual(take(), []);
    assert.deepEqual(await deliver({ reviewers: [] }), ["g review-ended"]);
    assert.deepEqual(await deliver({ reviewers: ["grace"] }), ["g review-requested"]);
    assert.deepEqual(await deliver({ reviewers: ["grace"], state: "merged" }), ["g review-ended"]);
    // Of one that is open again, and of an account that is somebody else's by then.
    assert.deepEqual(await deliver({ reviewers: ["grace"] }), ["g review-requested"]);
    await linkAccount(attention.db, account("h", "grace", "comment"));
    note(await settleServer(attention.db, server));
    assert.deepEqual(take().toSorted(), ["g review-ended", "h review-requested"]);
    await reports.gone(c);
    assert.deepEqual(take(), ["h repository-gone"]);
  });

  test("of a team is asked of its members, without the author", async () => {
    const { deliver, attention, take, reports, c } = open();
    for (const login of ["ada", "grace"]) await linkAccount(attention.db, account(login, login, "admin"));
    assert.deepEqual(await deliver({ reviewTeams: ["team/reviewers", "team/unknown"] }), []);
    await reports.readTeams(c);
    assert.deepEqual(take(), ["grace review-requested"]);
    assert.deepEqual(await deliver({}), ["grace review-ended"]);
  });

  test("ends with a review where the forge keeps reviewers, until they are asked again", async () => {
    const { deliver, attention } = open();
    await linkAccount(attention.db, account("g", "grace", "admin"));
    const asked = { reviewers: ["grace"] };
    assert.deepEqual(await deliver(asked, { reviewed: [] } as Partial<ForgeEvent>), ["g review-requested"]);
    assert.deepEqual(await deliver(asked, { reviewed: ["Grace"] } as Partial<ForgeEvent>), [
      "g review-ended",
    ]);
    // A sync has the same list, and no word of the review.
    assert.deepEqual(await deliver(asked), []);
    assert.deepEqual(await deliver(asked, { reviewed: [] } as Partial<ForgeEvent>), ["g review-requested"]);
  });

  test("is told of reviews by the forge where no webhook tells them, and a late one undoes none", async () => {
    const { deliver, attention, reports, c, forge, take } = open();
    await linkAccount(attention.db, account("g", "grace", "admin"));
    const asked = { reviewers: ["grace"] };
    assert.deepEqual(await deliver(asked), ["g review-requested"]);
    forge.reviewed = async () => ["Grace"];
    await reports.afterSync(c);
    assert.deepEqual(take(), ["g review-ended"]);
    const late = { pullRequest: pull({ ...asked, updatedAt: 0 }), reviewed: [] };
    assert.deepEqual(await deliver(asked, late as Partial<ForgeEvent>), []);
    forge.reviewed = async () => [];
    await reports.afterSync(c);
    assert.deepEqual(take(), ["g review-requested"]);
  });

  test("by a comment reaches whom it mentions once, by whatever way it is told", async () => {
    const { attention, take, reports, c, comments, advance } = open();
    await linkAccount(attention.db, account("g", "grace", "admin"));
    advance(1_000_000);
    comments.push(comment("1", "ada", "@grace, this is from before"));
    await reports.afterSync(c);
    assert.deepEqual(take(), []);
    advance(100_000);
    const said = comment("2", "ada", "What do you think, @Grace?", 1_050_000);
    comments.push(said, comment("3", "grace", "@grace is me", 1_050_000));
    const about = {
      kind: "comment",
      repository: "Team/App",
      isOnPullRequest: true,
      action: "created",
    } as const;
    await reports.onEvent(c, { ...about, ...said });
    assert.deepEqual(take(), ["g mentioned ada: What do you think, @Grace?"]);
    await reports.afterSync(c);
    assert.deepEqual(take(), []);
    // GitLab lists the newest first.
    comments.push(
      comment("5", "ada", "@grace last", 1_060_000),
      comment("4", "ada", "@grace first", 1_055_000),
    );
    await reports.afterSync(c);
    assert.deepEqual(take(), ["g mentioned ada: @grace first", "g mentioned ada: @grace last"]);
  });

  test("by a comment on an issue of GitLab shows nothing of the merge request with the same number", async () => {
    const { deliver, attention, reports, c, items } = open({ ...source, forge: "gitlab" });
    await linkAccount(attention.db, account("g", "grace", "admin"));
    await deliver({ title: "Not for this issue" });
    const about = { kind: "comment", repository: "team/app", action: "created" } as const;
    const onIssue = { ...comment("2", "ada", "@grace"), isOnPullRequest: false, title: "An issue" };
    await reports.onEvent(c, { ...about, ...onIssue });
    await reports.onEvent(c, { ...about, ...comment("3", "ada", "@grace"), isOnPullRequest: true });
    assert.deepEqual(
      items.map(({ kind, title }) => `${kind} ${title}`),
      ["issue An issue", "pull-request Not for this issue"],
    );
  });

  test("an account is proven by a new comment with the code and nothing else", async () => {
    const { reports, c, comments, advance } = open();
    advance(1_000_000);
    const wanted = { login: "Grace", text: "code", since: 1_000_000 };
    comments.push(
      comment("1", "ada", "code", 1_000_001),
      comment("2", "grace", "> code\n\nWhat is this?", 1_000_001),
      comment("3", "grace", "code", 1_000_001, 1_000_002),
      comment("4", "grace", "code", 1),
    );
    assert.equal(await reports.hasComment(c, wanted), false);
    comments.push(comment("5", "grace", " code\n", 1_000_003));
    assert.equal(await reports.hasComment(c, wanted), true);
  });
});

test("code, addresses and packages mention nobody", () => {
  const text = "@Ada. `@bob` and @eve.k-1, mail@grace.org, @scope/package\n```\n@mal\n```\n(@zoe)";
  assert.deepEqual(mentionedLogins(text), ["ada", "eve.k-1", "zoe"]);
});
