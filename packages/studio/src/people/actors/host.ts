/** Actors about people, their tables, and what the process provides to them. */
import type { Ports } from "@holdfast/core";

export interface PeopleHost {
  readonly ports: Pick<Ports, "clock" | "log">;
  /**
   * Rights of a person may have ended: closes their open connections in this process. Clients that still may connect
   * do so again by themselves.
   */
  accessChanged(personId: string): void;
}
