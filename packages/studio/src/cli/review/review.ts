/** `holdfast review`: comments on the changes of a task, what of them is taken back, and the agent's commits. */
import { randomUUID } from "node:crypto";
import { harmless, jsonLine, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { DiffFile, ReviewComment, ReviewView, StudioClient } from "@holdfast/studio";
import { findTask } from "../tasks/find-task.ts";
import { sessionNamed, sessionOption } from "../tasks/task-sessions.ts";
import { commandOfVerbs } from "../verbs/command.ts";
import { verb } from "../verbs/verb.ts";
import { type CommentPlace, placeOf, quoteOf } from "./comment-place.ts";

export const reviewCommand = commandOfVerbs({
  name: "review",
  intro:
    "A review of the changes of a task. Comments are drafts until send gives them to the agent as one\n" +
    "prompt. The web app shows the same review.",
  verbs: {
    show: verb({
      arguments: "TASK",
      description: "lists the comments, and the reverts that can be undone",
      async run({ client, args: [id = ""], print }) {
        await findTask(client, id);
        const view = await client.task(id).review();
        print(view, reviewText(view));
      },
    }),
    comment: verb({
      arguments: "TASK PLACE TEXT",
      description: "comments on lines of a changed file: src/main.ts:12 or src/main.ts:12-15",
      options: { old: { type: "boolean", description: "lines as they were before the changes" } },
      check([, place = "", text = ""], values) {
        placeOf(place, values.old === true);
        if (text.trim() === "") throw new UsageError("The comment is empty");
      },
      async run({ client, args: [id = "", place = "", text = ""], values, print }) {
        await findTask(client, id);
        const saved = await comment(client, id, placeOf(place, values.old === true), text);
        print(saved, `Commented (${saved.id}). Send it with: holdfast review send ${id}`);
      },
    }),
    edit: verb({
      arguments: "TASK COMMENT TEXT",
      description: "replaces the text of a comment that was not sent",
      async run({ client, args: [id = "", given = "", text = ""], print }) {
        const { path, side, startLine, endLine, quote, contentId } = await findComment(client, id, given);
        const lines = { path, side, startLine, endLine, quote, contentId };
        const saved = await client.task(id).saveComment({ id: given, ...lines, text });
        print(saved, "Edited.");
      },
    }),
    delete: verb({
      arguments: "TASK COMMENT",
      description: "deletes a comment",
      async run({ client, args: [id = "", given = ""], print }) {
        await findComment(client, id, given);
        await client.task(id).deleteComment(given);
        print({ id: given, deleted: true }, "Deleted.");
      },
    }),
    send: verb({
      arguments: "TASK [COMMENT...]",
      description: "sends comments to the agent; without ids, all that were not sent",
      options: sessionOption,
      async run({ client, args: [id = "", ...given], values, print }) {
        const view = await findTask(client, id);
        const { comments } = await client.task(id).review();
        const drafts = comments.filter(({ sentAt }) => sentAt === undefined).map((each) => each.id);
        const ids = given.length === 0 ? drafts : given;
        if (ids.length === 0) {
          print({ sent: [] }, "There is nothing to send.");
          return;
        }
        const session = sessionNamed(view, values.session);
        await client.task(id).sendReview(ids, session === undefined ? {} : { session: session.id });
        print({ sent: ids }, `Sent ${ids.length} comment${ids.length === 1 ? "" : "s"}.`);
      },
    }),
    resolve: verb({
      arguments: "TASK COMMENT",
      description: "marks a comment that was sent as settled",
      run: ({ client, args: [id = "", given = ""], print }) => resolve(client, id, given, true, print),
    }),
    reopen: verb({
      arguments: "TASK COMMENT",
      description: "opens a settled comment again",
      run: ({ client, args: [id = "", given = ""], print }) => resolve(client, id, given, false, print),
    }),
    commits: verb({
      arguments: "TASK",
      description: "lists the commits of the agent; tasks diff --commit shows one",
      async run({ client, args: [id = ""], json }) {
        await findTask(client, id);
        const commits = await client.task(id).commits();
        for (const commit of commits) {
          const { id: hash, subject, author } = commit;
          const text = harmless(`${hash.slice(0, 12)}  ${subject}  (${author})`);
          console.log(json ? jsonLine(commit) : text);
        }
        if (commits.length === 0 && !json) console.log("The agent has made no commit.");
      },
    }),
    revert: verb({
      arguments: "TASK PATH",
      description: "makes a file as it was before the task",
      options: { turn: { type: "boolean", description: "as it was before the last turn" } },
      async run({ client, args: [id = "", path = ""], values, print }) {
        await findTask(client, id);
        const compare = { kind: values.turn === true ? "turn" : "base" } as const;
        const { contentId } = await changedFile(client, id, path, compare);
        const reverted = await client.task(id).revert({ path, contentId, compare });
        print(reverted, `Reverted. Take it back with: holdfast review undo ${id} ${reverted.id}`);
      },
    }),
    undo: verb({
      arguments: "TASK REVERT",
      description: "takes a revert back",
      async run({ client, args: [id = "", revert = ""], print }) {
        await findTask(client, id);
        await client.task(id).undoRevert(revert);
        print({ id: revert, undone: true }, "The revert was taken back.");
      },
    }),
  },
});

/** Throws `review.no_file` unless the task changes the file. */
async function changedFile(
  client: StudioClient,
  id: string,
  path: string,
  compare: { readonly kind: "base" | "turn" } = { kind: "base" },
): Promise<DiffFile & { readonly trees: { readonly old: string; readonly new: string } }> {
  const { files, base, tree } = await client.task(id).diff({ compare });
  const file = files.find((each) => each.path === path);
  if (file !== undefined) return { ...file, trees: { old: base, new: tree } };
  throw new HoldfastError(
    "review",
    "no_file",
    `The task does not change ${path}. See: holdfast tasks diff ${id}`,
    { statusCode: 404 },
  );
}

async function comment(
  client: StudioClient,
  id: string,
  { path, side, startLine, endLine }: CommentPlace,
  text: string,
): Promise<ReviewComment> {
  const { contentId, oldPath, trees } = await changedFile(client, id, path);
  const { lines } = await client.task(id).fileLines({
    ...{ tree: trees[side], path: side === "old" ? (oldPath ?? path) : path },
    ...{ start: startLine, end: endLine },
  });
  const place = { path, side, startLine, endLine, contentId };
  return client.task(id).saveComment({ id: randomUUID(), ...place, quote: quoteOf(lines), text });
}

async function findComment(client: StudioClient, id: string, given: string): Promise<ReviewComment> {
  await findTask(client, id);
  const { comments } = await client.task(id).review();
  const found = comments.find((each) => each.id === given);
  if (found !== undefined) return found;
  const message = `The review has no comment ${given}. List them with: holdfast review show ${id}`;
  throw new HoldfastError("review", "comment_not_found", message, { statusCode: 404 });
}

async function resolve(
  client: StudioClient,
  id: string,
  given: string,
  isResolved: boolean,
  print: (value: unknown, text: string) => void,
): Promise<void> {
  await findTask(client, id);
  await client.task(id).resolveComment(given, isResolved);
  print({ id: given, resolved: isResolved }, isResolved ? "Resolved." : "Open again.");
}

function reviewText({ comments, reverts }: ReviewView): string {
  const lines = comments.flatMap((each) => [
    `${each.id}  ${stateOf(each).padEnd(8)}  ${harmless(each.path)}:${each.startLine}`,
    ...harmless(each.text)
      .split("\n")
      .map((line) => `    ${line}`),
  ]);
  const undoable = reverts.map(({ id, path, isHunk }) => {
    return `${id}  reverted  ${isHunk ? "a part of " : ""}${harmless(path)}`;
  });
  return [...lines, ...undoable].join("\n") || "There are no comments.";
}

function stateOf({ sentAt, answeredAt, resolvedAt }: ReviewComment): string {
  if (resolvedAt !== undefined) return "resolved";
  if (answeredAt !== undefined) return "answered";
  return sentAt === undefined ? "draft" : "sent";
}
