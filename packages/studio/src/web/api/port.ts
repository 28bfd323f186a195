import type { LinkState } from "@holdfast/web-parts";
import type {
  CreateTaskInput,
  OrganizationActions,
  OrganizationEvents,
  SessionActions,
  SessionEvents,
  TaskActions,
  TaskEvents,
  TaskSummary,
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
  /** `createTask` of the organization; what is sent twice under one id makes one task. */
  createTask(input: CreateTaskInput, attemptId: string): Promise<TaskSummary>;
  /** `prompt` of a task; what is sent twice under one id is one prompt. */
  sendPrompt(taskId: string, text: string, attemptId: string): Promise<void>;
  session(id: string): SessionActions;
  watchOrganization(watch: Watch<OrganizationEvents>): Unwatch;
  watchTask(id: string, watch: Watch<TaskEvents>): Unwatch;
  watchSession(id: string, watch: Watch<SessionEvents>): Unwatch;
}
