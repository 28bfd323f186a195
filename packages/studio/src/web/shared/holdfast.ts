import { type ActorConn, type ActorTypes, createClient, type EventToken } from "@holdfast/client";
import type { LinkState } from "@holdfast/web-parts";
import { localOrganization, personalKey } from "../../access/organization-ids.ts";
import type { RepositoryActions, RepositoryEvents } from "../../backend/repositories/contract.ts";
import type { AdministrationActions } from "../../contract/administration.ts";
import type { BillingActions, BillingEvents } from "../../contract/billing.ts";
import type { UsageActions, UsageEvents } from "../../contract/usage.ts";
import type {
  AttentionActions,
  AttentionEvents,
  DraftsActions,
  DraftsEvents,
  EnvironmentActions,
  EnvironmentEvents,
  InboxActions,
  InboxEvents,
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
} from "../../contract.ts";
import type { StudioApi, Unwatch } from "./port.ts";

/** The contract in the form from which the client infers types. */
interface Definition<Actions, Events> {
  readonly "~types"?: ActorTypes<
    {
      readonly [Name in keyof Actions]: Actions[Name] extends (...args: infer Args) => infer Result
        ? (c: never, ...args: Args) => Result
        : never;
    },
    { readonly [Name in keyof Events]: EventToken<Events[Name]> }
  >;
}

interface StudioRegistry {
  readonly "~actors"?: {
    readonly organization: Definition<OrganizationActions, OrganizationEvents>;
    readonly task: Definition<TaskActions, TaskEvents>;
    readonly environment: Definition<EnvironmentActions, EnvironmentEvents>;
    readonly inbox: Definition<InboxActions, InboxEvents>;
    readonly drafts: Definition<DraftsActions, DraftsEvents>;
    readonly schedules: Definition<SchedulesActions, SchedulesEvents>;
    readonly notifications: Definition<NotificationActions, NotificationEvents>;
    readonly attention: Definition<AttentionActions, AttentionEvents>;
    readonly repository: Definition<RepositoryActions, RepositoryEvents>;
    readonly session: Definition<SessionActions, SessionEvents>;
    readonly usage: Definition<UsageActions, UsageEvents>;
    readonly billing: Definition<BillingActions, BillingEvents>;
    readonly administration: Definition<AdministrationActions, Record<never, never>>;
  };
}

/** The server's actors of one organization, called with the cookie of this browser. */
export function createStudioApi(endpoint: string, id: string = localOrganization): StudioApi {
  const client = createClient<StudioRegistry>(endpoint);
  const organization = () => client.organization.get([id]);
  const inbox = (person: string) => client.inbox.getOrCreate(personalKey(id, person));
  const drafts = (person: string) => client.drafts.getOrCreate(personalKey(id, person));
  const schedules = () => client.schedules.getOrCreate([id]);
  const notifications = (person: string) => client.notifications.getOrCreate(personalKey(id, person));
  const attention = () => client.attention.getOrCreate([id]);
  return {
    organization: organization(),
    task: (id) => client.task.get([id]),
    createTask: (input, idempotencyKey) =>
      organization().action({ name: "createTask", args: [input], idempotencyKey }),
    sendPrompt: (taskId, session, { text, attachments }, idempotencyKey) =>
      client.task.get([taskId]).action({
        name: "prompt",
        args: [text, attachments.length === 0 ? { session } : { session, attachments }],
        idempotencyKey,
      }),
    startSession: (taskId, input, idempotencyKey) =>
      client.task.get([taskId]).action({ name: "startSession", args: [input], idempotencyKey }),
    environment: (id) => client.environment.get([id]),
    repository: (id) => client.repository.get([id]),
    session: (id) => client.session.get([id]),
    inbox: (person) => inbox(person),
    drafts: (person) => drafts(person),
    notifications: (person) => notifications(person),
    attention: attention(),
    schedules: schedules(),
    ...usageApi(client, id),
    watchOrganization(watch) {
      const conn = organization().connect();
      conn.on("taskChanged", watch.on.taskChanged);
      conn.on("taskDeleted", watch.on.taskDeleted);
      conn.on("seenChanged", watch.on.seenChanged);
      conn.on("repositoryChanged", watch.on.repositoryChanged);
      conn.on("repositoryRemoved", watch.on.repositoryRemoved);
      conn.on("viewsChanged", watch.on.viewsChanged);
      conn.on("peopleChanged", watch.on.peopleChanged);
      return follow(conn, watch.onState);
    },
    watchTask: (id, watch) => watchTask(client, id, watch),
    watchEnvironment(id, watch) {
      const conn = client.environment.get([id]).connect();
      conn.on("changed", watch.on.changed);
      conn.on("output", watch.on.output);
      return follow(conn, watch.onState);
    },
    watchDrafts(person, watch) {
      const conn = drafts(person).connect();
      conn.on("changed", watch.on.changed);
      return follow(conn, watch.onState);
    },
    watchSchedules(watch) {
      const conn = schedules().connect();
      conn.on("changed", watch.on.changed);
      conn.on("removed", watch.on.removed);
      return follow(conn, watch.onState);
    },
    watchInbox(person, watch) {
      const conn = inbox(person).connect();
      conn.on("changed", watch.on.changed);
      return follow(conn, watch.onState);
    },
    watchNotifications(person, watch) {
      const conn = notifications(person).connect();
      conn.on("changed", watch.on.changed);
      return follow(conn, watch.onState);
    },
    watchAttention(watch) {
      const conn = attention().connect();
      conn.on("approvalsChanged", watch.on.approvalsChanged);
      return follow(conn, watch.onState);
    },
    watchRepository(id, watch) {
      const conn = client.repository.get([id]).connect();
      conn.on("changed", watch.on.changed);
      return follow(conn, watch.onState);
    },
    watchSession(id, watch) {
      const conn = client.session.get([id]).connect();
      conn.on("appended", watch.on.appended);
      return follow(conn, watch.onState);
    },
  };
}

function watchTask(
  client: ReturnType<typeof createClient<StudioRegistry>>,
  id: string,
  watch: Parameters<StudioApi["watchTask"]>[1],
): Unwatch {
  const conn = client.task.get([id]).connect();
  conn.on("changed", watch.on.changed);
  conn.on("reviewChanged", watch.on.reviewChanged);
  conn.on("checksChanged", watch.on.checksChanged);
  conn.on("checkOutput", watch.on.checkOutput);
  conn.on("attemptChecksChanged", watch.on.attemptChecksChanged);
  conn.on("publicationChanged", watch.on.publicationChanged);
  conn.on("sessionsSeen", watch.on.sessionsSeen);
  return follow(conn, watch.onState);
}

/** The part about usage and about running the Studio. */
function usageApi(
  client: ReturnType<typeof createClient<StudioRegistry>>,
  id: string,
): Pick<StudioApi, "usage" | "administration" | "billing" | "watchUsage" | "watchBilling"> {
  const usage = () => client.usage.getOrCreate([id]);
  const billing = () => client.billing.getOrCreate([id]);
  return {
    usage: usage(),
    administration: client.administration.getOrCreate([id]),
    billing: billing(),
    watchBilling(watch) {
      const conn = billing().connect();
      conn.on("changed", watch.on.changed);
      return follow(conn, watch.onState);
    },
    watchUsage(watch) {
      const conn = usage().connect();
      conn.on("changed", watch.on.changed);
      return follow(conn, watch.onState);
    },
  };
}

type Followed = Pick<ActorConn, "connStatus" | "onStatusChange" | "dispose" | "ready">;

function follow(conn: Followed, onState: (state: LinkState) => void): Unwatch {
  let everOpen = false;
  const unwatch = conn.onStatusChange((status) => {
    if (status === "connected") everOpen = true;
    if (status === "connected") onState("online");
    else if (status === "disconnected" || everOpen) onState("offline");
    else onState("connecting");
  });
  // A refusal of the first attempt reaches the page through its queries, which have the reason.
  conn.ready.catch(() => undefined);
  return () => {
    unwatch();
    void conn.dispose();
  };
}
