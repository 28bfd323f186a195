/** Commands about tasks, their queue, their review and the people who hear of them, against one real server. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { UsageError } from "@holdfast/cli";
import { isHoldfastError } from "@holdfast/core";
import {
  createStudio,
  type InboxEntry,
  type ReviewView,
  type StudioClient,
  type TaskSummary,
} from "../../src/index.ts";
import { makeRepository, needsJail, temporaryFolder, Watch } from "../support.ts";
import { commandsOf, type RunCommand } from "./support.ts";

let run: RunCommand;
let client: StudioClient;
let id = "";
let workspace = "";

async function start(t: TestContext): Promise<void> {
  const folder = temporaryFolder(t);
  const data = join(folder, "data");
  const studio = await createStudio({ dataDirectory: data, environment: {}, vault: { logins: false } });
  t.after(() => studio.close());
  client = studio.client;
  run = await commandsOf(t, studio, data);
  const repository = makeRepository(folder, { "README.md": "# Hi\n", "one.txt": "before\n" });
  const task = { repository, agent: "demo", prompt: 'write "after" to one.txt without asking' };
  id = (await client.organization.createTask(task)).id;
  const watch = await Watch.open(client, id);
  t.after(() => watch.close());
  await watch.status("idle");
  workspace = join(data, "tasks", id, "workspace");
}

/** `group.code` of the error that a command ends with. */
async function codeOf(...words: readonly string[]): Promise<string> {
  const error: unknown = await run(...words).then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  assert.ok(isHoldfastError(error), String(error));
  return `${error.group}.${error.code}`;
}

test("commands about a task", async (t) => {
  if (!needsJail(t)) return;
  await start(t);

  await t.test("the operator alone owns nothing, and hands nothing over", async () => {
    assert.equal(await codeOf("tasks", "hand-over", id, "--to", "ada"), "task.not_owner");
    assert.equal(await codeOf("tasks", "assign", id, "--to", "ada"), "task.receiver_cannot_own");
    for (const verb of ["accept", "decline", "take-back"])
      assert.equal(await codeOf("tasks", verb, id), "task.offer_ended");
    assert.equal(await codeOf("tasks", "list", "--owner", "ada"), "task.owner_not_found");
    assert.equal((await run("tasks", "list", "--owner", "me")).text, "There are no such tasks.");
    await assert.rejects(run("tasks", "assign", id), UsageError);
  });

  await t.test("the list is filtered, counted and saved as a view", async () => {
    assert.match((await run("tasks", "list")).text, new RegExp(`^${id} `));
    assert.equal((await run("tasks", "list", "--status", "failed")).text, "There are no such tasks.");
    const [counts] = (await run("tasks", "count", "--json")).json<{ total: number; unread: number }>();
    assert.deepEqual([counts?.total, counts?.unread], [1, 1]);
    await run("tasks", "mark", id);
    assert.match((await run("tasks", "count")).text, /^1 tasks, 0 unread\n/);
    await run("tasks", "mark", id, "--as-unread");
    assert.equal((await run("tasks", "list", "--unread", "--json")).json<TaskSummary>()[0]?.id, id);
    assert.equal((await run("tasks", "label", id, "urgent", " bug ")).text, "Labels: bug, urgent");
    assert.match((await run("tasks", "list", "--label", "urgent,other")).text, /\[bug, urgent\]$/);
    assert.match((await run("tasks", "count")).text, / 1 {2}urgent$/);
    assert.equal((await run("tasks", "list", "--label", "other")).text, "There are no such tasks.");
    assert.equal(await codeOf("tasks", "label", id, "a,b"), "task.invalid_input");
    const changed = await run("tasks", "label", id, "--add", "later,api", "--remove", "URGENT");
    assert.equal(changed.text, "Labels: api, bug, later");
    assert.deepEqual((await run("tasks", "label", id, "--json")).json(), [{ id, labels: [] }]);
    await run("views", "save", "Broken", "--status", "failed,waiting", "--group", "agent");
    assert.match((await run("views")).text, /^Broken +list +by agent; statuses: failed,waiting$/);
    assert.equal((await run("tasks", "list", "--view", "Broken")).text, "There are no such tasks.");
    await run("views", "delete", "Broken");
    assert.equal(await codeOf("tasks", "list", "--view", "Broken"), "task.view_not_found");
    await assert.rejects(run("tasks", "list", "--status", "late"), UsageError);
  });

  await t.test("lines are commented, and the comments edited, resolved and sent", async () => {
    assert.equal(await codeOf("review", "comment", id, "README.md:1", "why"), "review.no_file");
    const [saved] = (await run("review", "comment", id, "one.txt:1", "Why?", "--json")).json<{
      id: string;
    }>();
    const comment = saved?.id ?? "";
    const old = (await run("review", "comment", id, "one.txt:1", "It was good.", "--old", "--json")).json<{
      id: string;
      quote: string;
    }>();
    assert.equal(old[0]?.quote, "before");
    await run("review", "edit", id, comment, "Why so?");
    assert.match((await run("review", "show", id)).text, /draft +one\.txt:1\n {4}Why so\?/);
    await run("review", "delete", id, old[0]?.id ?? "");
    assert.equal(await codeOf("review", "delete", id, "none"), "review.comment_not_found");
    const watch = await Watch.open(client, id);
    assert.match((await run("review", "send", id)).text, /^Sent 1 comment\.$/);
    // The demo agent asks before it writes the review into a file.
    await watch.answer("allow_once");
    await watch.status("idle");
    await watch.close();
    const [{ comments } = { comments: [] }] = (await run("review", "show", id, "--json")).json<ReviewView>();
    assert.equal(comments.length, 1);
    assert.ok(comments[0]?.answeredAt);
    await run("review", "resolve", id, comment);
    assert.match((await run("review", "show", id)).text, new RegExp(`${comment} +resolved`));
    await run("review", "reopen", id, comment);
    assert.equal((await run("review", "send", id)).text, "There is nothing to send.");
  });

  await t.test("a file is reverted, and the revert taken back", async () => {
    const [reverted] = (await run("review", "revert", id, "one.txt", "--json")).json<{ id: string }>();
    assert.equal(readFileSync(join(workspace, "one.txt"), "utf8"), "before\n");
    assert.equal((await run("tasks", "diff", id, "--turn", "--json")).json<{ files: unknown[] }>().length, 1);
    await run("review", "undo", id, reverted?.id ?? "");
    assert.match(readFileSync(join(workspace, "one.txt"), "utf8"), /after/);
    assert.match((await run("review", "commits", id)).text, /no commit/);
  });

  await t.test("queued prompts are listed, edited, moved and removed", async () => {
    const watch = await Watch.open(client, id);
    await run("tasks", "prompt", id, "add a line to the README");
    await watch.status("waiting");
    for (const text of ["first", "second", "third"]) await run("tasks", "prompt", id, text);
    const list = async () => (await run("queue", "list", id, "--json")).json<{ id: string; text: string }>();
    const [first, second, third] = await list();
    await run("queue", "edit", id, second?.id ?? "", "second, edited");
    await run("queue", "move", id, third?.id ?? "", "1");
    await run("queue", "remove", id, first?.id ?? "");
    assert.deepEqual(
      (await list()).map(({ text }) => text),
      ["third", "second, edited"],
    );
    assert.equal((await run("queue", "show", id, second?.id ?? "")).text, "second, edited");
    assert.equal(await codeOf("queue", "remove", id, first?.id ?? ""), "task.prompt_not_queued");
    await assert.rejects(run("queue", "move", id, "x", "0"), UsageError);
    for (const each of await list()) await run("queue", "remove", id, each.id);
    assert.equal((await run("queue", "list", id)).text, "No prompt waits.");
    await run("tasks", "stop", id);
    await watch.close();
  });

  await t.test("sessions are renamed, and options of their agent chosen", async () => {
    const name = ["--session", "demo"];
    assert.equal((await run("tasks", "rename-session", id, "main", ...name)).text, "Renamed to main.");
    assert.match((await run("tasks", "sessions", id)).text, / main$/);
    assert.match((await run("tasks", "options", id)).text, /^None was chosen/);
    await run("tasks", "choose", id, "mode", "plan");
    assert.equal((await run("tasks", "options", id)).text, "mode  plan");
    await assert.rejects(run("tasks", "rename-session", id, "x"), UsageError);
  });

  await t.test("the inbox is snoozed, woken and marked", async () => {
    assert.equal((await run("tasks", "unwatch", id)).text, "You do not get its news any more.");
    await run("tasks", "watch", id);
    const list = async (...more: string[]) =>
      (await run("inbox", "list", "--json", ...more)).json<InboxEntry>();
    const [entry] = await list();
    const entryId = entry?.id ?? assert.fail("the inbox is empty");
    await run("inbox", "read", entryId);
    assert.equal((await list())[0]?.isUnread, false);
    await run("inbox", "unread", entryId);
    assert.equal((await list())[0]?.isUnread, true);
    await run("inbox", "snooze", entryId, "--hours", "2");
    assert.deepEqual([(await list()).length, (await list("--snoozed")).length], [0, 1]);
    await run("inbox", "wake", entryId);
    assert.equal((await list()).length, 1);
    await assert.rejects(run("inbox", "snooze", entryId), UsageError);
  });

  await t.test("notifications are chosen, for oneself and as defaults", async () => {
    await run(
      "notifications",
      "set-defaults",
      "--slack",
      "asks",
      "--quiet",
      "22:00-07:00",
      "--time-zone",
      "UTC",
    );
    assert.match((await run("notifications", "defaults")).text, /slack +asks\nquiet +22:00 to 07:00, UTC/);
    assert.match((await run("notifications")).text, /Quiet +22:00 to 07:00, UTC/);
    const own = (await run("notifications", "set", "--quiet", "off", "--mail", "none", "--json")).json<{
      choices: { quietHours: null; kinds: { mail: string[]; slack: string[] } };
    }>();
    assert.deepEqual(
      [own[0]?.choices.quietHours, own[0]?.choices.kinds.mail, own[0]?.choices.kinds.slack],
      [null, [], ["asks"]],
    );
    await run("notifications", "reset");
    assert.match((await run("notifications")).text, /Quiet +22:00/);
    assert.equal((await run("notifications", "devices")).text, "No browser shows notifications.");
    assert.equal(await codeOf("notifications", "webhook-url", "nowhere"), "notification.invalid_input");
    await assert.rejects(run("notifications", "set"), UsageError);
  });

  await t.test("a task is archived, restored and deleted", async () => {
    assert.equal((await run("tasks", "archive", id)).text, `Archived: ${id}`);
    assert.equal((await run("tasks", "list", "--archived", "--json")).json<TaskSummary>()[0]?.id, id);
    assert.equal((await run("tasks", "restore", id, "gone", "--json")).code, 1);
    await assert.rejects(run("tasks", "delete", id), UsageError, "it would be deleted unasked");
    assert.match((await run("tasks", "delete", id, "--dry-run")).text, /would free \d+ bytes$/);
    assert.ok(existsSync(workspace));
    assert.match((await run("tasks", "delete", id, "--yes")).text, /^Deleted/);
    assert.ok(!existsSync(workspace));
    assert.equal(await codeOf("tasks", "delete", id, "--yes"), "task.not_found");
  });
});
