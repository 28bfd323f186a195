import type { LinkState } from "@holdfast/web-parts";
import type {
  OrganizationActions,
  OrganizationEvents,
  SessionActions,
  SessionEvents,
  TaskActions,
  TaskEvents,
} from "../../contract.ts";

export interface Watch<Events> {
  readonly on: { readonly [Name in keyof Events]: (payload: Events[Name]) => void };
  /** Called at every change; every "online" means that events may have been missed before it. */
  readonly onState: (state: LinkState) => void;
}

export type Unwatch = () => void;

/** All that the web app asks of its server. One module implements it over `@holdfast/client`. */
export interface StudioApi {
  readonly organization: OrganizationActions;
  task(id: string): TaskActions;
  session(id: string): SessionActions;
  watchOrganization(watch: Watch<OrganizationEvents>): Unwatch;
  watchTask(id: string, watch: Watch<TaskEvents>): Unwatch;
  watchSession(id: string, watch: Watch<SessionEvents>): Unwatch;
}
