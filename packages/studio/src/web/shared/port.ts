import type { LinkState } from "@holdfast/web-parts";
import type { RepositoryActions, RepositoryEvents } from "../../backend/repositories/contract.ts";
import type { AdministrationActions } from "../../contract/administration.ts";
import type { BillingActions, BillingEvents } from "../../contract/billing.ts";
import type { UsageActions, UsageEvents } from "../../contract/usage.ts";
import type {
  AttentionActions,
  AttentionEvents,
  CreateTaskInput,
  DraftsActions,
  DraftsEvents,
  EnvironmentActions,
  EnvironmentEvents,
  InboxActions,
  InboxEvents,
  NewSession,
  NotificationActions,
  NotificationEvents,
  OrganizationActions,
  OrganizationEvents,
  SchedulesActions,
  SchedulesEvents,
  SessionActions,
  SessionEvents,
  TaskActions,
  TaskEvents,
  TaskSessionView,
  TaskSummary,
} from "../../contract.ts";

export interface Watch<Events> {
  readonly on: { readonly [Name in keyof Events]: (payload: Events[Name]) => void };
  /** Called at every change; before every "online", events may have been missed. */
  readonly onState: (state: LinkState) => void;
}

export type Unwatch = () => void;

/** Everything that the web app requests of its server. One module implements it with `@holdfast/client`. */
export interface StudioApi {
  readonly organization: OrganizationActions;
  task(id: string): TaskActions;
  /** `createTask` of the organization; repeating it with the same id creates one task. */
  createTask(input: CreateTaskInput, attemptId: string): Promise<TaskSummary>;
  /** `prompt` of a task; repeating it with the same id sends one prompt. */
  sendPrompt(
    taskId: string,
    sessionId: string,
    prompt: { readonly text: string; readonly attachments: readonly string[] },
    attemptId: string,
  ): Promise<void>;
  /** `startSession` of a task; repeating it with the same id starts one session. */
  startSession(taskId: string, input: NewSession, attemptId: string): Promise<TaskSessionView>;
  session(id: string): SessionActions;
  environment(id: string): EnvironmentActions;
  inbox(person: string): InboxActions;
  drafts(person: string): DraftsActions;
  notifications(person: string): NotificationActions;
  readonly attention: AttentionActions;
  readonly schedules: SchedulesActions;
  readonly usage: UsageActions;
  readonly administration: AdministrationActions;
  readonly billing: BillingActions;
  repository(id: string): RepositoryActions;
  watchOrganization(watch: Watch<OrganizationEvents>): Unwatch;
  watchTask(id: string, watch: Watch<TaskEvents>): Unwatch;
  watchEnvironment(id: string, watch: Watch<EnvironmentEvents>): Unwatch;
  watchDrafts(person: string, watch: Watch<DraftsEvents>): Unwatch;
  watchSchedules(watch: Watch<SchedulesEvents>): Unwatch;
  watchInbox(person: string, watch: Watch<InboxEvents>): Unwatch;
  watchNotifications(person: string, watch: Watch<NotificationEvents>): Unwatch;
  watchAttention(watch: Watch<AttentionEvents>): Unwatch;
  watchRepository(id: string, watch: Watch<RepositoryEvents>): Unwatch;
  watchBilling(watch: Watch<BillingEvents>): Unwatch;
  watchUsage(watch: Watch<UsageEvents>): Unwatch;
  watchSession(id: string, watch: Watch<SessionEvents>): Unwatch;
}
