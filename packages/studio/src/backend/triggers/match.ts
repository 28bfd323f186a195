/** What events of forges start: which schedules fit one, who may, how often, and the comment that answers. */
import type { ScheduleEvent } from "../../contract/schedules.ts";

/** The part of an event that decides whether it fits. */
export interface TriggerMatch {
  readonly type: ScheduleEvent["type"];
  /** Labels that were added. */
  readonly labels?: readonly string[];
  /** Names that a text mentions, in lower case. */
  readonly mentions?: readonly string[];
}

export function matches(on: ScheduleEvent | undefined, trigger: TriggerMatch): boolean {
  if (on === undefined || on.type !== trigger.type) return false;
  switch (on.type) {
    case "checks-failed":
    case "pull-request-opened":
    case "review-requested":
      return true;
    case "labelled":
      return trigger.labels?.some((label) => label.toLowerCase() === on.label.toLowerCase()) === true;
    case "mentioned":
      return trigger.mentions?.includes(on.name.toLowerCase()) === true;
  }
}

/** Names after an `@` that begins a word, in lower case. Addresses and packages are none. */
export function mentionsOf(text: string): readonly string[] {
  return [...text.matchAll(/(?<![\w./@`-])@([\w-]{1,40})(?![\w/.-]*[@/])/g)].map(([, name = ""]) =>
    name.toLowerCase(),
  );
}
