/** The workflow of a document: read each version, ask the reviewers in their order, remind them, escalate, end. */
import { event, queue } from "holdfast";
import { Loop, type WorkflowContext } from "holdfast/workflow";
import { limits } from "./limits.ts";
import { summarise } from "./model.ts";
import { audit, changed, type DocumentState, linkOf, setReviewer, write } from "./record.ts";
import type { Decision, Reading, Status } from "./review.ts";
import { textOf } from "./text.ts";

/** What an action did, for the workflow that waits. The action has recorded it already. */
export type Input =
  | { readonly kind: "version"; readonly number: number }
  | { readonly kind: "decision"; readonly version: number; readonly decision: Decision["decision"] }
  | { readonly kind: "withdrawn" };

export const events = { changed: event<Status>() };
// Only the document itself writes to it.
export const queues = { inputs: queue<Input>({ canPublish: () => false }) };

export type Scope = WorkflowContext<
  DocumentState,
  unknown,
  undefined,
  undefined,
  unknown,
  undefined,
  typeof events,
  typeof queues
>;

type Outcome = "approved" | "rejected" | "changes" | "newer" | "withdrawn";

const previewLength = 4_000;
/** After so many messages about one decision, nobody is reminded any more. */
const maxReminders = limits.reminders + 5;
const patient = { maxRetries: 4, retryBackoffBase: 500, timeout: 120_000, retryOnTimeout: true };

export async function review(ctx: Scope): Promise<void> {
  await ctx.loop({
    name: "versions",
    state: { done: 0 },
    run: async (round, { done }) => {
      const number = await round.step("newest version", (c) => c.state.versions.length);
      if (number === done) {
        const { body } = await round.queue.next("wait for a version", { names: ["inputs"] });
        return body.kind === "withdrawn" ? Loop.break(undefined) : Loop.continue({ done });
      }
      await read(round, number);
      const outcome = await askAll(round, number);
      if (outcome === "newer" || outcome === "changes") return Loop.continue({ done: number });
      if (outcome !== "withdrawn") await end(round, outcome);
      return Loop.break(undefined);
    },
  });
}

/** Takes the text out of a version, and lets the model summarise it. */
async function read(scope: Scope, number: number): Promise<void> {
  const text = await scope.step({
    ...{ name: "take the text out", ...patient },
    run: async (c) => {
      const version = c.state.versions[number - 1];
      if (version === undefined) throw new Error(`There is no version ${number}`);
      const bytes = Buffer.from(await new Response(await c.blob.get(version.file)).arrayBuffer());
      const found = textOf(version.name, bytes);
      if (found === undefined || found === "") return undefined;
      c.state.versions[number - 1] = { ...version, preview: found.slice(0, previewLength) };
      changed(c);
      return (await c.blob.put(new TextEncoder().encode(found))).hash;
    },
  });
  const unreadable = (why: string): Reading => ({ state: "unreadable", why });
  const summarised =
    text === undefined
      ? undefined
      : await scope.tryStep({
          ...{ name: "summarise", ...patient },
          run: async (c) => await summarise(await new Response(await c.blob.get(text)).text(), c.abortSignal),
        });
  await scope.step("keep the summary", (c) => {
    const version = c.state.versions[number - 1];
    if (version === undefined) return;
    const reading =
      summarised === undefined
        ? unreadable("The text of this kind of file cannot be read here. Open the file.")
        : summarised.ok
          ? ({ state: "read", summary: summarised.value } as const)
          : unreadable("The model did not answer. Open the file.");
    c.state.versions[number - 1] = { ...version, reading };
    audit(
      c,
      "the system",
      reading.state === "read" ? `summarised version ${number}` : `did not read version ${number}`,
    );
    changed(c);
  });
}

async function askAll(scope: Scope, number: number): Promise<Outcome> {
  const count = await scope.step("begin the review", (c) => {
    for (const [index, { id, name, mail }] of c.state.reviewers.entries())
      c.state.reviewers[index] = { id, name, mail, status: "waiting", reminders: 0 };
    if (c.state.status === "reading") c.state.status = "review";
    changed(c);
    return c.state.reviewers.length;
  });
  for (let index = 0; index < count; index += 1) {
    const outcome = await ask(scope, number, index);
    if (outcome !== "approved") return outcome;
  }
  return "approved";
}

/** Asks one reviewer, and waits. Whoever does not answer is reminded, then the deputy may decide too. */
async function ask(scope: Scope, number: number, index: number): Promise<Outcome> {
  const remindMs = await scope.step(`ask ${index}`, (c) => {
    const reviewer = setReviewer(c, index, { status: "asked", askedAt: Date.now() });
    write(c, reviewer, `${c.state.owner} asks you to review version ${number} of "${c.state.title}".`);
    audit(c, "the system", `asked ${reviewer.name} about version ${number}`);
    changed(c);
    return c.state.remindDays * limits.dayMs;
  });
  await send(scope, `send the request ${index}`);
  return await scope.loop({
    name: `answer ${index}`,
    state: { reminders: 0 },
    run: async (wait, { reminders }) => {
      const timeout = reminders < maxReminders ? { timeout: remindMs } : {};
      const [message] = await wait.queue.nextBatch("input", { names: ["inputs"], ...timeout });
      if (message === undefined) {
        await remind(wait, index, reminders + 1);
        return Loop.continue({ reminders: reminders + 1 });
      }
      const outcome = outcomeOf(message.body, number);
      return outcome === undefined ? Loop.continue({ reminders }) : Loop.break(outcome);
    },
  });
}

/** Undefined for what is about an earlier version. */
function outcomeOf(input: Input, number: number): Outcome | undefined {
  switch (input.kind) {
    case "withdrawn":
      return "withdrawn";
    case "version":
      return input.number > number ? "newer" : undefined;
    case "decision": {
      if (input.version !== number) return undefined;
      return input.decision === "approve" ? "approved" : input.decision === "reject" ? "rejected" : "changes";
    }
  }
}

async function remind(scope: Scope, index: number, count: number): Promise<void> {
  await scope.step("remind", (c) => {
    const isOverdue = count > limits.reminders;
    const reviewer = setReviewer(c, index, { reminders: count, ...(isOverdue ? { status: "overdue" } : {}) });
    const { deputy, title, owner } = c.state;
    write(c, reviewer, `"${title}" still waits for you.`);
    if (!isOverdue) audit(c, "the system", `reminded ${reviewer.name}`);
    else {
      const about = `${reviewer.name} has not answered about "${title}".`;
      if (deputy !== undefined) write(c, deputy, `${about} You may decide instead.`);
      else write(c, { id: "owner", name: owner, mail: "" }, about);
      audit(c, "the system", `escalated to ${deputy?.name ?? owner}, as ${reviewer.name} has not answered`);
    }
    changed(c);
  });
  await send(scope, "send the reminder");
}

async function end(scope: Scope, outcome: "approved" | "rejected"): Promise<void> {
  await scope.step("end", (c) => {
    c.state.status = outcome;
    audit(c, "the system", `ended the review: ${outcome}`);
    write(c, { id: "owner", name: c.state.owner, mail: "" }, `"${c.state.title}" is ${outcome}.`);
    changed(c);
  });
  await send(scope, "send the result");
}

/** Passes messages on, where MAIL_WEBHOOK_URL says to whom. What cannot be sent stays on the page for the owner. */
async function send(scope: Scope, name: string): Promise<void> {
  const url = process.env["MAIL_WEBHOOK_URL"];
  if (url === undefined) return;
  await scope.tryStep({
    ...{ name, ...patient },
    run: async (c) => {
      for (const message of c.state.messages.filter(({ isSent, mail }) => !isSent && mail !== "")) {
        const link = `${process.env["PUBLIC_URL"] ?? ""}/#/link/${linkOf(c, message.personId)}`;
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", "idempotency-key": message.id },
          body: JSON.stringify({
            to: message.mail,
            subject: c.state.title,
            text: `${message.text}\n\n${link}`,
          }),
          signal: c.abortSignal,
        });
        if (!response.ok) throw new Error(`The mail service answered ${response.status}`);
        const at = c.state.messages.findIndex(({ id }) => id === message.id);
        if (at >= 0) c.state.messages[at] = { ...message, isSent: true };
        changed(c);
      }
    },
  });
}
