/** Actors about people, their tables, and what the process provides to them. */
import type { Ports } from "@holdfast/core";

export interface PeopleHost {
  readonly ports: Pick<Ports, "clock" | "log" | "random">;
  /**
   * Rights of a person may have ended: closes their open connections in this process. Clients that still may connect
   * do so again by themselves.
   */
  accessChanged(personId: string): void;
  /** Somebody has joined an organization, or left it. */
  membersChanged?(organization: string): void;
  /** What a page shows of the people of an organization is another one now: members, names, roles, invitations. */
  listChanged?(organization: string): void;
  /**
   * Tells all nodes of it, this one too. Undefined on a single node. Called by a schedule that commits with the change,
   * so that a node that ends in between has told the others nevertheless.
   */
  readonly announce?: ((personId: string) => Promise<void>) | undefined;
  /** Tells organizations what they are still to hear of a person's accounts at forges. */
  readonly tellAccounts?: ((personId: string) => Promise<void>) | undefined;
  /** Instead of the first pause before that is tried again. */
  readonly forgeAccountPauseMs?: number | undefined;
}

/** Schedules the announcement of a change that comes next, in an actor that has {@link announcing}. */
export async function announceSoon(
  host: PeopleHost,
  c: { readonly schedule: { after(ms: number, action: string, ...args: unknown[]): Promise<string> } },
  ...people: readonly string[]
): Promise<void> {
  if (host.announce === undefined) return;
  // Actors of people run one action after another: it comes after the change.
  for (const person of people) await c.schedule.after(0, "internal.announce", person);
}

/** The internal action that a schedule of {@link announceSoon} runs. */
export function announcing(host: PeopleHost) {
  return {
    announce: async (_c: unknown, person: string): Promise<void> => host.announce?.(person),
  };
}
