/** The words of notifications in each channel. */
import { localOrganization, pagesOf } from "../access/organization-ids.ts";
import type { NotificationMessage } from "../backend/notifications/port.ts";
import { entryTitle } from "../contract/inbox.ts";
import type { InboxKind } from "../contract.ts";
import type { Mail } from "../people/mail/mailer.ts";
import type { PushPayload } from "./push-payload.ts";

const kindNames: Readonly<Record<InboxKind, string>> = {
  finished: "Finished",
  failed: "Failed",
  "ci-failed": "CI failed",
  asks: "Asks",
  handover: "Handover",
  mentioned: "Mentioned",
  "review-requested": "Review requested",
  payment: "Payment",
};

export const testText = "This is a test. Notifications from Holdfast arrive here.";

/** "Asks: Fix the login" */
export function titleOf(message: NotificationMessage): string {
  return `${kindNames[message.kind]}: ${entryTitle(message)}`;
}

/** Path of the page about it. */
export function pathOf({ task, item, organization = localOrganization }: NotificationMessage): string {
  if (item !== undefined)
    return item.taskId === undefined
      ? `${pagesOf(organization)}/inbox`
      : `/tasks/${encodeURIComponent(item.taskId)}`;
  if (task === undefined) return `${pagesOf(organization)}/settings/billing`;
  return `/tasks/${encodeURIComponent(task.id)}`;
}

/** Push services take 4,096 bytes with encryption. A character takes up to four, and a title has 120. */
const maxBodyCharacters = 700;

export function pushPayload(messages: readonly NotificationMessage[]): PushPayload {
  const [first, ...more] = messages;
  if (first === undefined)
    return { version: 1, title: "Holdfast", body: testText, path: "/settings/notifications", tag: "test" };
  if (more.length > 0) {
    const title = `${messages.length} new in your inbox`;
    const body = cut(messages.map(titleOf).join("\n"), maxBodyCharacters);
    return { version: 1, title, body, path: "/inbox", tag: "inbox" };
  }
  const { approval, text, entry } = first;
  const detail = approval?.detail ?? "";
  const body = cut([text, detail].filter((part) => part !== "").join("\n"), maxBodyCharacters);
  return {
    ...{ version: 1, title: cut(titleOf(first), 120), body, path: pathOf(first), tag: entry },
    ...(approval?.token === undefined ? {} : { token: approval.token }),
    ...(approval?.token !== undefined && detail !== "" ? { mayAllow: true } : {}),
  };
}

export function mailOf(to: string, messages: readonly NotificationMessage[], origin: string): Mail {
  const foot = `\n\n--\nWhat is mailed to you: ${origin}/settings/notifications\n`;
  const [first, ...more] = messages;
  if (first === undefined) return { to, subject: "Test from Holdfast", text: `${testText}${foot}` };
  const blocks = messages.map((message) =>
    [titleOf(message), message.text, `${origin}${pathOf(message)}`].filter((line) => line !== "").join("\n"),
  );
  const subject = more.length === 0 ? titleOf(first) : `${messages.length} new in your inbox`;
  const id = `${first.id}.${messages.length}`;
  return { to, subject: cut(oneLine(subject), 150), text: `${blocks.join("\n\n")}${foot}`, id };
}

/** The JSON body of a webhook. Version 1 of the format. */
export function webhookBody(message: NotificationMessage | undefined, origin: string): string {
  if (message === undefined) return JSON.stringify({ version: 1, kind: "test", text: testText, url: origin });
  const { id, kind, task, item, payment, text, at, approval } = message;
  return JSON.stringify({
    ...{ version: 1, id, kind, title: titleOf(message), text, url: `${origin}${pathOf(message)}` },
    ...(item === undefined ? {} : { item }),
    ...(payment === undefined ? {} : { payment }),
    ...(task === undefined
      ? {}
      : { task: { id: task.id, title: task.title, repository: task.repository, agent: task.agent } }),
    ...(approval === undefined ? {} : { approval: { id: approval.id, expiresAt: approval.expiresAt } }),
    createdAt: at,
  });
}

/** The body of an incoming webhook of Slack, which Mattermost, Rocket.Chat and Discord (with /slack) take too. */
export function slackBody(messages: readonly NotificationMessage[], origin: string): string {
  if (messages.length === 0) return JSON.stringify({ text: testText });
  const lines = messages.map((message) => {
    const { kind, text } = message;
    const words = text === "" ? "" : `: ${escaped(cut(oneLine(text), 300))}`;
    const title = escaped(oneLine(entryTitle(message))).replaceAll("|", "/");
    return `*${kindNames[kind]}* <${origin}${pathOf(message)}|${title}>${words}`;
  });
  return JSON.stringify({ text: lines.join("\n") });
}

/** https://api.slack.com/reference/surfaces/formatting#escaping */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
