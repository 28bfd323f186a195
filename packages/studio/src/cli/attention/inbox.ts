/** `holdfast inbox`: what needs the owner, of all tasks. */
import { harmless, jsonLine, noArguments, parse, UsageError, verbOf } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { InboxEntry, InboxView, StudioClient } from "@holdfast/studio";
import { entryTitle } from "../../contract/inbox.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";

export const inboxUsage = `holdfast inbox [list] [--snoozed | --done] | done ID... | restore ID...
               | snooze ID... --hours N | wake ID... | read ID... | unread ID...

  list           lists what needs you, the latest first; * marks what is unread
  --snoozed      with list: what comes back later
  --done         with list: what is done
  done ID...     takes entries out of the inbox
  restore ID...  takes entries back into it
  snooze ID...   hides entries, which come back later
  --hours N      with snooze: after this many hours, at most a year
  wake ID...     shows snoozed entries again
  read ID...     marks entries as read
  unread ID...   marks entries as unread
  --organization ID  an organization besides the first one, by its id or name
  --data DIR     data directory (default: HOLDFAST_DATA or .holdfast)
  --json         machine-readable output`;

export async function inboxCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    ...{ snoozed: { type: "boolean" }, done: { type: "boolean" }, hours: { type: "string" } },
  } as const);
  if (values.help === true) {
    console.log(inboxUsage);
    return 0;
  }
  const [given = "list", ...ids] = positionals;
  const verb = verbOf("inbox", verbs, given);
  const [snoozed, done] = [values.snoozed === true, values.done === true];
  if (verb === "list") noArguments(ids);
  else if (ids.length === 0) throw new UsageError("The ids of entries are missing");
  if ((snoozed || done) && verb !== "list") throw new UsageError("--snoozed and --done are only for list");
  if (snoozed && done) throw new UsageError("Choose one of --snoozed and --done");
  if (values.hours !== undefined && verb !== "snooze") throw new UsageError("--hours is only for snooze");
  const until = verb === "snooze" ? Date.now() + hoursOf(values.hours) * hourMs : null;
  const json = values.json === true;
  return withOwnerAccess(values, async ({ client }) => {
    if (verb === "list") {
      await list(client, snoozed ? "snoozed" : done ? "done" : "open", json);
      return 0;
    }
    await requireKnown(client, ids);
    const inbox = await ownInbox(client);
    for (let at = 0; at < ids.length; at += 100) {
      const part = ids.slice(at, at + 100);
      switch (verb) {
        case "done":
        case "restore":
          await inbox.done(part, verb === "done");
          break;
        case "snooze":
        case "wake":
          await inbox.snooze(part, until);
          break;
        case "read":
        case "unread":
          await inbox.mark(part, verb);
      }
    }
    if (json) for (const id of ids) console.log(jsonLine({ id, ...resultOf(verb, until) }));
    else console.log(texts[verb]);
    return 0;
  });
}

const verbs = ["list", "done", "restore", "snooze", "wake", "read", "unread"] as const;
type Change = Exclude<(typeof verbs)[number], "list">;

const texts = {
  done: "Done.",
  restore: "Back in the inbox.",
  snooze: "Snoozed.",
  wake: "Back in the inbox.",
  read: "Marked as read.",
  unread: "Marked as unread.",
} as const satisfies Readonly<Record<Change, string>>;

function resultOf(verb: Change, until: number | null) {
  switch (verb) {
    case "done":
    case "restore":
      return { isDone: verb === "done" };
    case "snooze":
    case "wake":
      return { snoozedUntil: until };
    case "read":
    case "unread":
      return { isUnread: verb === "unread" };
  }
}

const hourMs = 60 * 60_000;

/** Throws a usage error. */
function hoursOf(text: string | undefined): number {
  const hours = Number(text);
  if (text !== undefined && hours > 0 && hours <= 24 * 365) return hours;
  throw new UsageError("snooze needs --hours N, a number above 0, at most a year");
}

async function list(client: StudioClient, view: InboxView, json: boolean): Promise<void> {
  let isEmpty = true;
  for await (const entry of entriesOf(client, view)) {
    isEmpty = false;
    console.log(json ? jsonLine(entry) : formatEntry(entry));
  }
  if (isEmpty && !json) console.log(view === "open" ? "Nothing needs you." : "There are no such entries.");
}

async function* entriesOf(client: StudioClient, view: InboxView): AsyncGenerator<InboxEntry> {
  const inbox = await ownInbox(client);
  let cursor: string | undefined;
  do {
    const page = await inbox.list({ view, ...(cursor === undefined ? {} : { cursor }) });
    yield* page.entries;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

async function ownInbox(client: StudioClient) {
  return client.inbox((await client.organization.me()).id);
}

/** Throws `inbox.not_found` for an id that is in no view, before anything changes. */
async function requireKnown(client: StudioClient, ids: readonly string[]): Promise<void> {
  const known = new Set<string>();
  for (const view of ["open", "snoozed", "done"] as const)
    for await (const { id } of entriesOf(client, view)) known.add(id);
  const unknown = ids.find((id) => !known.has(id));
  if (unknown !== undefined) {
    const message = `There is no entry ${unknown}. List all entries with: holdfast inbox`;
    throw new HoldfastError("inbox", "not_found", message, { statusCode: 404 });
  }
}

const kinds = {
  finished: "Finished",
  failed: "Failed",
  "ci-failed": "CI failed",
  asks: "Asks",
  handover: "Handover",
  mentioned: "Mentioned",
  "review-requested": "Review",
  payment: "Payment",
} as const;

/** One line: the id, a mark for what is unread, the kind, the task, and what it asks or why it failed. */
export function formatEntry(entry: InboxEntry): string {
  const { id, kind, text, isUnread, isWorking } = entry;
  const words = `${harmless(entryTitle(entry))}${text === "" ? "" : `: ${harmless(text)}`}`;
  const mark = isUnread ? "*" : " ";
  return `${id}  ${mark} ${kinds[kind].padEnd(9)}  ${words}${isWorking ? " (working again)" : ""}`;
}
