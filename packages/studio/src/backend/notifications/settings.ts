import { createHash } from "node:crypto";
import { inboxKinds } from "../../contract/inbox.ts";
import type {
  InboxKind,
  NotificationChannel,
  NotificationChoices,
  NotificationsView,
} from "../../contract.ts";
import { quietUntil } from "./quiet-hours.ts";

/** Choices as they are kept. */
export interface KeptChoices extends Partial<NotificationChoices> {
  /** The kinds that there were when `kinds` was chosen. Absent in what the first versions kept. */
  readonly knownKinds?: readonly InboxKind[];
}

export interface NotificationsState {
  version: 1;
  /** Number of changes. */
  revision: number;
  /** What the person has chosen. */
  own: KeptChoices;
  /** What the organization has chosen for whoever has not. */
  defaults: KeptChoices;
  pausedUntil: number | null;
  /** For a person without an account. */
  mailAddress: string | null;
  webhook: string | null;
  /** Host of the Slack webhook; its address is in the vault. */
  slack: string | null;
  /** The next run of the deliveries. */
  scheduled: { id: string; at: number } | null;
}

export const channels = [
  "push",
  "mail",
  "webhook",
  "slack",
] as const satisfies readonly NotificationChannel[];

const needsAnswer: readonly InboxKind[] = [
  ...(["asks", "review-requested", "handover", "mentioned", "failed", "payment"] as const),
];
const everything = inboxKinds;

/** What holds where neither the person nor the organization has chosen. */
export const builtInChoices: NotificationChoices = {
  kinds: { push: everything, mail: needsAnswer, webhook: everything, slack: everything },
  quietHours: null,
  mailAfterMinutes: 5,
};

export function newState(): NotificationsState {
  return {
    ...{ version: 1, revision: 0, own: {}, defaults: {}, pausedUntil: null },
    ...{ mailAddress: null, webhook: null, slack: null, scheduled: null },
  };
}

/** The kinds of the versions that did not keep `knownKinds`. */
const firstKinds: readonly InboxKind[] = ["asks", "handover", "mentioned", "failed", "finished", "ci-failed"];

/** Choices that are made now, as they are kept. */
export function keptChoices(choices: Partial<NotificationChoices>): KeptChoices {
  return choices.kinds === undefined ? choices : { ...choices, knownKinds: [...inboxKinds] };
}

/**
 * Choices over those of `base`. Nobody was asked about a kind that came later: it goes where `base` sends it, but not to a
 * channel that was switched off for all kinds.
 */
export function completeChoices(
  { knownKinds = firstKinds, ...choices }: KeptChoices,
  base: NotificationChoices = builtInChoices,
): Partial<NotificationChoices> {
  const { kinds } = choices;
  if (kinds === undefined) return choices;
  const complete = (channel: NotificationChannel): readonly InboxKind[] =>
    kinds[channel].length === 0
      ? []
      : inboxKinds.filter((kind) => (knownKinds.includes(kind) ? kinds : base.kinds)[channel].includes(kind));
  const of = { push: complete("push"), mail: complete("mail") };
  return { ...choices, kinds: { ...of, webhook: complete("webhook"), slack: complete("slack") } };
}

/** What holds: own choices before those of the organization. */
export function choicesOf(state: Pick<NotificationsState, "own" | "defaults">): NotificationChoices {
  const defaults = { ...builtInChoices, ...completeChoices(state.defaults) };
  return { ...defaults, ...completeChoices(state.own, defaults) };
}

/** The part of a person's view that is in the state. */
export function chosenView(
  state: NotificationsState,
): Pick<NotificationsView, "choices" | "own" | "pausedUntil" | "webhook" | "slack"> {
  const { own, pausedUntil, webhook, slack } = state;
  return {
    choices: copyOf(choicesOf(state)),
    own: Object.keys(completeChoices(own)) as (keyof NotificationChoices)[],
    ...{ pausedUntil, webhook, slack },
  };
}

/** When something of this kind may be delivered: now, or after a pause or quiet hours. */
export function deliverableAt(
  state: Pick<NotificationsState, "own" | "defaults" | "pausedUntil">,
  kind: InboxKind,
  now: number,
): number {
  const { pausedUntil } = state;
  if (pausedUntil !== null && pausedUntil > now) return pausedUntil;
  const { quietHours } = choicesOf(state);
  if (quietHours === null || quietHours.breaksThrough.includes(kind)) return now;
  return quietUntil(quietHours, now) ?? now;
}

/** Copies what may be a proxy of the state. */
export function copyOf<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

/** Name in the vault of what a person's channel needs. */
export function secretNameOf(channel: "webhook" | "slack", key: readonly string[]): string {
  return `notification.${channel}.${createHash("sha256").update(key.join("\n")).digest("hex").slice(0, 32)}`;
}
