import { UsageError } from "@holdfast/cli";
import type { InboxKind, NotificationChannel, NotificationChoices } from "@holdfast/studio";
import { inboxKinds } from "../../contract/inbox.ts";
import type { OptionValues, VerbOptions } from "../verbs/verb.ts";

export const channels = [
  "push",
  "mail",
  "webhook",
  "slack",
] as const satisfies readonly NotificationChannel[];

const kinds: readonly InboxKind[] = inboxKinds;

/** Options of what is delivered when: for one person, and for the defaults of an organization. */
export const choiceOptions = {
  push: { type: "string", value: "KINDS", description: `what browsers show: ${kinds.join(",")}, or none` },
  mail: { type: "string", value: "KINDS", description: "what is mailed, likewise" },
  webhook: { type: "string", value: "KINDS", description: "what the webhook gets, likewise" },
  slack: { type: "string", value: "KINDS", description: "what Slack gets, likewise" },
  quiet: { type: "string", value: "FROM-TO", description: "quiet hours, 22:00-07:00, or off" },
  "time-zone": {
    type: "string",
    value: "ZONE",
    description: "of the quiet hours (default: of this machine)",
  },
  "breaks-through": { type: "string", value: "KINDS", description: "what is delivered in quiet hours" },
  "mail-after": {
    type: "string",
    value: "MINUTES",
    description: "mails wait for you to read it in the Studio",
  },
} as const satisfies VerbOptions;

type Given = OptionValues<typeof choiceOptions>;

/** The choices that were given, with `current` for the rest of a choice that was given in part. Throws a `UsageError`. */
export function choicesOf(
  given: Given,
  current: Pick<NotificationChoices, "kinds" | "quietHours">,
): Partial<NotificationChoices> {
  const changed = channels.flatMap((channel) => {
    const list = given[channel];
    return list === undefined ? [] : [[channel, kindsOf(list, channel)] as const];
  });
  const after = given["mail-after"];
  return {
    ...(changed.length === 0 ? {} : { kinds: { ...current.kinds, ...Object.fromEntries(changed) } }),
    ...quietOf(given, current.quietHours),
    ...(after === undefined ? {} : { mailAfterMinutes: minutesOf(after) }),
  };
}

/** Throws a `UsageError` if nothing was given, or something that cannot be read. */
export function checkChoices(given: Given): void {
  const none = { push: [], mail: [], webhook: [], slack: [] };
  if (Object.keys(choicesOf(given, { kinds: none, quietHours: null })).length === 0)
    throw new UsageError(`Give at least one of --${Object.keys(choiceOptions).join(", --")}`);
}

function kindsOf(list: string, option: string): readonly InboxKind[] {
  const words = list === "none" ? [] : list.split(",").map((word) => word.trim());
  return words.map((word) => {
    const kind = kinds.find((each) => each === word);
    if (kind === undefined) throw new UsageError(`--${option} has kinds from ${kinds.join(", ")}, or none`);
    return kind;
  });
}

function quietOf(given: Given, current: NotificationChoices["quietHours"]): Partial<NotificationChoices> {
  const { quiet, "time-zone": zone, "breaks-through": through } = given;
  if (quiet === undefined && zone === undefined && through === undefined) return {};
  if (quiet === "off") return { quietHours: null };
  const [, from, to] = /^(\d{2}:\d{2})-(\d{2}:\d{2})$/.exec(quiet ?? "") ?? [];
  if (quiet !== undefined && (from === undefined || to === undefined))
    throw new UsageError("--quiet is FROM-TO, such as 22:00-07:00, or off");
  const hours = from === undefined || to === undefined ? current : { from, to };
  if (hours === null)
    throw new UsageError("--time-zone and --breaks-through need quiet hours: --quiet FROM-TO");
  const timeZone = zone ?? current?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const breaksThrough =
    through === undefined ? (current?.breaksThrough ?? []) : kindsOf(through, "breaks-through");
  return { quietHours: { from: hours.from, to: hours.to, timeZone, breaksThrough } };
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (/^\d{1,4}$/.test(text) && minutes <= 1_440) return minutes;
  throw new UsageError("--mail-after is a number of minutes, at most 1,440");
}
