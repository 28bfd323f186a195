import { actor, event, queue } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { organizationOfKey, personalKey } from "../../access/organization-ids.ts";
import { operator } from "../../access/person.ts";
import type {
  ApprovalQueue,
  ApprovalQueuePatch,
  InboxTask,
  NotificationChoices,
  OpenApproval,
} from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { type AccountContext, accountActions, accountInternals } from "../accounts/actions.ts";
import type { ForgeNews, ForgeNotice, PersonChange } from "../accounts/news.ts";
import { takeForgeNews } from "../accounts/requests.ts";
import type { BackendHost } from "../host.ts";
import { readChoices } from "../notifications/input.ts";
import type { NewPerson, OrganizationDefaults } from "../notifications/messages.ts";
import { completeChoices, copyOf, type KeptChoices, keptChoices } from "../notifications/settings.ts";
import { requireOrganization } from "../organizations/existing.ts";
import { connStateOf, type PersonConnState } from "../tasks/actions.ts";
import type { TaskNews } from "./news.ts";
import { type InboxDatabase, isNews, migrateAttentionTables } from "./schema.ts";

export interface AttentionState {
  version: 1;
  /** Number of changes of the queue of approvals. */
  revision: number;
  /** Number of the last message about forges to an inbox. Absent before the first one. */
  forgeSeq?: number;
  /** What the organization has chosen about notifications. Absent before the first choice. */
  notifications?: KeptChoices;
}

/** The part of the context that tells people what forges ask of them. */
type ForgeContext = SendingContext & Omit<AccountContext, "conn"> & { readonly state: AttentionState };

/** The part of the context that sends to actors of people. */
export interface SendingContext {
  readonly key: readonly string[];
  client(): {
    getOrCreate(name: string, key: string[]): { send(queue: string, body: unknown): Promise<unknown> };
  };
}

/**
 * Takes the news of all tasks of an organization: keeps the queue of open approvals, and passes each on to the inboxes
 * of its people. Each message, what it changes and what it sends are one commit.
 */
export function createAttentionActor(host: BackendHost) {
  const sendDefaults = (c: SendingContext, person: string, choices: KeptChoices) => {
    const body: OrganizationDefaults = { version: 1, choices: copyOf(choices) };
    c.client()
      .getOrCreate("notifications", personalKey(organizationOfKey(c.key), person))
      .send("defaults", body)
      .catch((error: unknown) =>
        host.ports.log.error("could not pass on the defaults of notifications", { error }),
      );
  };
  const tellForge = (c: ForgeContext, changes: readonly PersonChange[]): void => {
    for (const { person, change } of changes) {
      c.state.forgeSeq = (c.state.forgeSeq ?? 0) + 1;
      const notice: ForgeNotice = { version: 1, seq: c.state.forgeSeq, at: host.ports.clock.now(), change };
      c.client()
        .getOrCreate("inbox", personalKey(organizationOfKey(c.key), person))
        .send("forge", notice)
        .catch((error: unknown) => host.ports.log.error("could not pass on news of a forge", { error }));
    }
  };
  return actor({
    async createState(c): Promise<AttentionState> {
      await requireOrganization(c);
      return { version: 1, revision: 0 };
    },
    createConnState: async (c): Promise<PersonConnState> => connStateOf(await host.personOf(c.request)),
    db: db({ onMigrate: migrateAttentionTables }),
    queues: { news: queue<TaskNews>(), people: queue<NewPerson>(), forge: queue<ForgeNews>() },
    events: { approvalsChanged: event<ApprovalQueuePatch>() },
    options: {
      name: "Attention",
      maxQueueSize: studioLimits.maxWaitingNews,
      maxQueueMessageSize: studioLimits.maxNewsBytes,
    },
    async run(c): Promise<void> {
      const send = (person: string, news: TaskNews) => {
        const { change } = news;
        // An inbox shows the title; the whole question is in the queue, and in its task.
        const short =
          change.type === "asks"
            ? { ...news, change: { ...change, approval: { ...change.approval, detail: "" } } }
            : news;
        c.client()
          .getOrCreate("inbox", personalKey(organizationOfKey(c.key), person))
          .send("news", short)
          .catch((error: unknown) => host.ports.log.error("could not pass on news of a task", { error }));
      };
      for await (const message of c.queue.iter({ completable: true }))
        await c.transaction(async () => {
          if (message.name === "people") {
            const { person } = message.body;
            await addPerson(c.db, person);
            if (c.state.notifications !== undefined) sendDefaults(c, person, c.state.notifications);
          } else if (message.name === "forge") tellForge(c, await takeForgeNews(c.db, message.body));
          else if (await isNews(c.db, message.body.task.id, message.body.seq)) {
            const news = message.body;
            const patch = await changeQueue(c.db, news);
            if (patch !== undefined) {
              c.state.revision += 1;
              const { revision } = c.state;
              c.broadcast("approvalsChanged", { ...patch, revision, total: countApprovals(c.db) });
            }
            for (const person of await recipientsOf(c.db, news)) send(person, news);
          }
          await message.complete();
        });
    },
    actions: {
      notificationDefaults: (c): Partial<NotificationChoices> =>
        completeChoices(copyOf(c.state.notifications ?? {})),

      async setNotificationDefaults(c, given: Partial<NotificationChoices>): Promise<void> {
        const choices = keptChoices(readChoices(given));
        c.state.notifications = choices;
        for (const { id } of c.db.query<{ id: string }>("SELECT id FROM person"))
          sendDefaults(c, id, choices);
      },

      approvals: (c): ApprovalQueue => ({
        approvals: openApprovals(c.db),
        total: countApprovals(c.db),
        revision: c.state.revision,
      }),

      ...accountActions(host, tellForge),

      internal: {
        ...accountInternals(host, tellForge),

        /** Everybody who has had an inbox, or notifications. */
        people: (c): readonly string[] =>
          c.db.query<{ id: string }>("SELECT id FROM person").map(({ id }) => id),

        erase: (c): void => c.destroy(),
      },
    },
  });
}

async function addPerson(db: InboxDatabase, person: string): Promise<void> {
  await db.execute("INSERT INTO person (id) VALUES (?) ON CONFLICT DO NOTHING", person);
}

/** The people of a task. One that nobody started, but an event of a group, concerns everybody who has an inbox. */
async function recipientsOf(db: InboxDatabase, { people }: TaskNews): Promise<readonly string[]> {
  if (people.length > 0) return people;
  const known = db.query<{ id: string }>("SELECT id FROM person ORDER BY id").map(({ id }) => id);
  return [...new Set([operator.id, ...known])];
}

/** Takes news into the queue of open approvals. Returns what changed in it. */
async function changeQueue(
  db: InboxDatabase,
  { task, change }: TaskNews,
): Promise<Pick<ApprovalQueuePatch, "added" | "removed"> | undefined> {
  switch (change.type) {
    case "asks": {
      const { approval } = change;
      await db.execute(
        "INSERT INTO approval (id, task_id, task, view, created_at) VALUES (?, ?, ?, ?, ?)",
        ...[approval.id, task.id, JSON.stringify(task), JSON.stringify(approval), approval.createdAt],
      );
      return { added: { task, approval } };
    }
    case "settled": {
      const { approvalId, answer } = change;
      await db.execute("DELETE FROM approval WHERE task_id = ? AND id = ?", task.id, approvalId);
      return { removed: { taskId: task.id, approvalId, ...(answer === undefined ? {} : { answer }) } };
    }
    case "deleted":
      await db.execute("DELETE FROM approval WHERE task_id = ?", task.id);
      return undefined;
    case "finished":
    case "failed":
    case "ci-failed":
    case "ci-settled":
    case "mentioned":
    case "offered":
    case "offer-ended":
    case "handed-over":
    case "asks-secrets":
    case "secrets-settled":
    case "working":
    case "stopped":
      return undefined;
  }
}

function countApprovals(db: InboxDatabase): number {
  return db.get<{ count: number }>("SELECT count(*) AS count FROM approval")?.count ?? 0;
}

function openApprovals(db: InboxDatabase): readonly OpenApproval[] {
  const rows = db.query<{ task: string; view: string }>(
    "SELECT task, view FROM approval ORDER BY created_at, id LIMIT ?",
    studioLimits.maxApprovalsShown,
  );
  const approvals: OpenApproval[] = [];
  let bytes = 0;
  for (const { task, view } of rows) {
    bytes += Buffer.byteLength(task) + Buffer.byteLength(view);
    if (approvals.length > 0 && bytes > studioLimits.maxApprovalQueueBytes) break;
    approvals.push({
      task: JSON.parse(task) as InboxTask,
      approval: JSON.parse(view) as OpenApproval["approval"],
    });
  }
  return approvals;
}
