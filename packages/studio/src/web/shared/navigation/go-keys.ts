/** Keys that lead to screens: `g`, and then the letter of a screen. */
import type { NavigateOptions } from "@tanstack/react-router";

export interface GoScreen {
  readonly key: string;
  readonly to: NonNullable<NavigateOptions["to"]>;
  readonly search?: NavigateOptions["search"];
}

export const goScreens = {
  inbox: { key: "i", to: "/inbox" },
  approvals: { key: "a", to: "/inbox", search: { tab: "approvals" } },
  tasks: { key: "t", to: "/" },
  schedules: { key: "c", to: "/schedules" },
  repositories: { key: "r", to: "/repositories" },
  usage: { key: "u", to: "/usage" },
  system: { key: "h", to: "/system" },
  actors: { key: "x", to: "/inspector" },
  people: { key: "p", to: "/people" },
  settings: { key: "s", to: "/settings" },
  notifications: { key: "n", to: "/settings/notifications" },
} as const satisfies Readonly<Record<string, GoScreen>>;

export type GoScreenName = keyof typeof goScreens;

/** How long the second key may take. */
export const secondKeyMs = 1_500;

/** The keys as people read them: "G then I". */
export function goKeysText(name: GoScreenName): string {
  return `G then ${goScreens[name].key.toUpperCase()}`;
}

/** The screen of a second key. */
export function screenOfKey(key: string): GoScreenName | undefined {
  const names = Object.keys(goScreens) as GoScreenName[];
  return names.find((name) => goScreens[name].key === key.toLowerCase());
}
