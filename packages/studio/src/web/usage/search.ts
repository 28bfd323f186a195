import { type UsageDimension, usageDimensions } from "../../contract/usage.ts";

export const usageTabs = ["usage", "budgets", "prices"] as const;
export type UsageTab = (typeof usageTabs)[number];

/** By what the screen can group. Sessions are in the exported data. */
export type ShownDimension = Exclude<UsageDimension, "session">;

/** The part of the address that says what is shown. */
export interface UsageSearch {
  readonly tab?: Exclude<UsageTab, "usage">;
  /** By day if absent. */
  readonly by?: ShownDimension;
  /** Number of days until today; 30 if absent. */
  readonly days?: number;
  /** Only what is of one person, task, agent, model or repository. */
  readonly of?: Exclude<ShownDimension, "day">;
  readonly key?: string;
}

export const dayChoices = [7, 30, 90, 365] as const;

export function readUsageSearch(search: Readonly<Record<string, unknown>>): UsageSearch {
  const tab = usageTabs.find((each) => each === search["tab"]);
  const by = readDimension(search["by"]);
  const of = readDimension(search["of"]);
  const days = dayChoices.find((each) => each === Number(search["days"]));
  const { key } = search;
  return {
    ...(tab === undefined || tab === "usage" ? {} : { tab }),
    ...(by === undefined || by === "day" ? {} : { by }),
    ...(days === undefined || days === 30 ? {} : { days }),
    ...(of === undefined || of === "day" || key === undefined ? {} : { of, key: String(key) }),
  };
}

function readDimension(value: unknown): ShownDimension | undefined {
  return usageDimensions.find((each): each is ShownDimension => each === value && each !== "session");
}
