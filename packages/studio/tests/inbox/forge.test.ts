/** What forges ask of people comes into their inboxes: with each forge, by webhooks and by syncs. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { InboxEntry, StudioClient } from "../../src/index.ts";
import {
  author as ada,
  forges,
  githubApp,
  Summaries,
  startStudio,
  webhookSecret,
} from "../repositories/support.ts";

const grace = { id: 2, login: "grace" };

/** The entries of the operator's inbox once they fit, now or later. */
async function entriesWhen(
  client: StudioClient,
  fits: (entries: readonly InboxEntry[]) => boolean,
): Promise<readonly InboxEntry[]> {
  const inbox = client.inbox("operator");
  const found = Promise.withResolvers<readonly InboxEntry[]>();
  const look = async () => {
    const { entries } = await inbox.list();
    if (fits(entries)) found.resolve(entries);
  };
  const watch = await inbox.on("changed", () => void look());
  await look();
  const entries = await found.promise;
  await watch.close();
  return entries;
}

const kinds = (entries: readonly InboxEntry[]) => entries.map(({ kind, item }) => `${kind} ${item?.number}`);
const is =
  (...wanted: readonly string[]) =>
  (entries: readonly InboxEntry[]) =>
    kinds(entries).toSorted().join() === wanted.toSorted().join();

async function open(
  t: TestContext,
  forge: Awaited<ReturnType<typeof githubApp>> | Awaited<ReturnType<(typeof forges)[string]>>,
) {
  const { client, url } = await startStudio(t, forge);
  const summaries = await Summaries.watch(t, client);
  const { id } = await client.organization.connectRepository(forge.source);
  await summaries.until(({ status }) => status === "synced");
  const webhooks = forge.emulator.sendWebhooksTo(`${url}/forges/${id}`, webhookSecret);
  const newPull = async (branch: string) => {
    await forge.repository.bare.commit(branch, { [`${branch}.txt`]: "new\n" }, `Add ${branch}`);
    return forge.repository.createPullRequest({
      title: `Add ${branch}`,
      head: branch,
      base: "main",
      author: ada,
    });
  };
  return { client, id, webhooks, newPull };
}

for (const [name, start] of Object.entries(forges)) {
  test(`${name}: a requested review and a mention come into the inbox, and the request goes when it ends`, async (t) => {
    const forge = await start(t);
    const { repository, emulator } = forge;
    const { client, id, webhooks, newPull } = await open(t, forge);
    const pull = await newPull("first");
    emulator.advance(2_000);
    repository.updatePullRequest(pull, { reviewers: ["grace"] });
    await webhooks.settled();
    // Nobody knows yet whose account it is; once it is known, what is open is there.
    assert.deepEqual((await client.inbox("operator").list()).entries, []);
    await client.attention.setForgeAccount({ person: "operator", repository: id, login: "Grace" });
    const [asked] = await entriesWhen(client, is(`review-requested ${pull.number}`));
    assert.deepEqual([asked?.item?.title, asked?.item?.repository], ["Add first", "team/app"]);
    assert.equal(asked?.task, undefined);

    emulator.advance(2_000);
    repository.review(pull, grace);
    await entriesWhen(client, is());
    emulator.advance(2_000);
    repository.updatePullRequest(pull, { reviewers: ["grace"] });
    await entriesWhen(client, is(`review-requested ${pull.number}`));
    emulator.advance(2_000);
    repository.updatePullRequest(pull, { reviewers: [] });
    await entriesWhen(client, is());

    const mention = `mentioned ${pull.number}`;
    repository.addComment({ number: pull.number, author: ada, body: "Look at `@grace` and mail@grace.org" });
    repository.addComment({ number: pull.number, author: grace, body: "@grace notes this" });
    repository.addComment({ number: pull.number, author: ada, body: "What do you think, @Grace?" });
    const [mentioned] = await entriesWhen(client, is(mention));
    assert.equal(mentioned?.text, "ada: What do you think, @Grace?");

    // Webhooks that do not arrive: the next sync finds the same, and what they bring later is known.
    await webhooks.settled();
    webhooks.isHolding = true;
    emulator.advance(60_000);
    const second = await newPull("second");
    // Two forges tell times by the second: only then is the first delivery the older one.
    emulator.advance(2_000);
    repository.updatePullRequest(second, { reviewers: ["grace"] });
    const issue = repository.addIssue("Broken", ada);
    repository.addComment({ number: issue.number, author: ada, body: "@grace this one too" });
    await client.repository(id).sync();
    const all = [mention, `review-requested ${second.number}`, `mentioned ${issue.number}`];
    await entriesWhen(client, is(...all));
    emulator.advance(2_000);
    repository.review(second, grace);
    await client.repository(id).sync();
    await entriesWhen(client, is(mention, `mentioned ${issue.number}`));
    emulator.advance(2_000);
    repository.updatePullRequest(second, { reviewers: ["grace"] });
    await client.repository(id).sync();
    await entriesWhen(client, is(...all));
    const { revision } = await client.inbox("operator").list();
    for (const delivery of webhooks.held) {
      webhooks.send(delivery);
      await webhooks.settled();
    }
    assert.equal((await client.inbox("operator").list()).revision, revision);

    emulator.advance(2_000);
    await repository.merge(second, "merge");
    await client.repository(id).sync();
    await entriesWhen(client, is(mention, `mentioned ${issue.number}`));
    // Of a repository that is gone, nothing stays.
    await client.organization.disconnectRepository(id);
    await entriesWhen(client, is());
  });
}

test("GitHub: a team that is asked asks each of its members", async (t) => {
  const forge = await githubApp(t);
  const { repository, emulator } = forge;
  emulator.accounts.teams.set("team/reviewers", ["ada", "grace"]);
  const { client, id, newPull } = await open(t, forge);
  await client.attention.setForgeAccount({ person: "operator", repository: id, login: "grace" });
  const pull = await newPull("first");
  emulator.advance(2_000);
  repository.updatePullRequest(pull, { reviewTeams: ["reviewers", "unknown"] });
  await entriesWhen(client, is(`review-requested ${pull.number}`));
  emulator.advance(2_000);
  repository.review(pull, ada);
  await entriesWhen(client, is());
});

test("an account is linked by a comment of its own, and by nothing less", async (t) => {
  const forge = await githubApp(t);
  const { repository } = forge;
  const { client, id } = await open(t, forge);
  const { attention } = client;
  const refused = (code: string) => (error: unknown) => isErrorCode(error, "account", code);
  await assert.rejects(attention.confirmAccountLink(), refused("not_begun"));
  for (const login of ["", "@grace", "a b", "-x"])
    await assert.rejects(
      attention.beginAccountLink({ repository: id, login }),
      refused("invalid_input"),
      login,
    );
  const { code } = await attention.beginAccountLink({ repository: id, login: "grace" });
  const issue = repository.addIssue("Hello", ada);
  const write = (author: typeof ada, body: string) =>
    repository.addComment({ number: issue.number, author, body });
  for (const [who, body] of [
    // Somebody else, somebody who asks what this is, and a comment that others have changed.
    [ada, code],
    [grace, `> ${code}\n\nWhat is this?`],
  ] as const) {
    write(who, body);
    await assert.rejects(attention.confirmAccountLink(), refused("not_proven"));
  }
  const changed = write(grace, "Hello");
  repository.comments.splice(repository.comments.indexOf(changed), 1, {
    ...{ ...changed, body: code, editedAt: changed.createdAt + 1_000 },
  });
  await assert.rejects(attention.confirmAccountLink(), refused("not_proven"));
  // A new code makes the old one worthless.
  const { code: newer } = await attention.beginAccountLink({ repository: id, login: "grace" });
  write(grace, code);
  await assert.rejects(attention.confirmAccountLink(), refused("not_proven"));
  write(grace, `${newer}\n`);
  const account = await attention.confirmAccountLink();
  assert.deepEqual([account.login, account.proof, account.person], ["grace", "comment", "operator"]);
  assert.deepEqual(await attention.forgeAccounts(), [account]);
  await assert.rejects(attention.confirmAccountLink(), refused("not_begun"));
  // What is proven is taken away by its owner alone.
  const set = (login: string | null) =>
    attention.setForgeAccount({ person: "operator", repository: id, login });
  await assert.rejects(set("ada"), refused("proven"));
  await assert.rejects(set(null), refused("proven"));
  await attention.unlinkForgeAccount(account.server);
  assert.deepEqual(await attention.forgeAccounts(), []);
  await set("ada");
  assert.equal((await attention.forgeAccounts())[0]?.proof, "admin");
});
