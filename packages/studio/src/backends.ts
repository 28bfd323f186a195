import type { ClientBase } from "@holdfast/client";
import { HoldfastError, isErrorCode, type Logger } from "@holdfast/core";
import { localOrganization, organizationOfId } from "./access/organization-ids.ts";
import { invalidToken, readAnswerToken } from "./backend/notifications/answer-tokens.ts";
import type { DirectoryEntry } from "./backend/organizations/directory.ts";
import { directoryKey } from "./backend/organizations/existing.ts";
import type { FetchReport, RepositorySource, WebhookSettings } from "./backend/repositories/contract.ts";
import type { SessionBatch, SessionRecord } from "./backend/session.ts";
import type { TaskWork } from "./backend/turns/work.ts";
import type { UsageEntry } from "./backend/usage/entry.ts";
import type { CountedUsage } from "./backend/usage/usage.ts";
import type { ValueTokens } from "./backend/value-tokens.ts";
import type { EnvironmentView, GroupEventAccepted } from "./contract.ts";
import type { EnvironmentBackend, PreparationIndex } from "./environments/environment-backend.ts";
import type { AcceptEvent } from "./groups/group-inbox.ts";
import type { WebhookRepositories } from "./http/forge-webhook.ts";
import type { AccessBackend } from "./http/logins.ts";
import type { PushKeys } from "./notifications/push.ts";
import type { SecretBackend } from "./people/cluster/shared-secret.ts";
import type { SignInStore } from "./people/providers/sign-in-settings.ts";
import type { CountedEntries, UsageBackend } from "./usage/meter.ts";
import type { SessionBackend, TaskBackend } from "./work/backend.ts";

/** Calls the actors' internal actions for the surrounding process, over the in-process client. */
export class StudioBackends {
  #client: ClientBase | undefined;
  #valueTokens: ValueTokens | undefined;

  /** Breaks the dependency cycle: the actors need a host, and the host calls the actors. */
  attach(client: ClientBase, valueTokens: ValueTokens): void {
    this.#client = client;
    this.#valueTokens = valueTokens;
  }

  /** The client of the actors. Throws `studio.not_started` before `attach`. */
  get client(): ClientBase {
    return this.#connected.client;
  }

  /** Passes values to the actors. Throws `studio.not_started` before `attach`. */
  get valueTokens(): ValueTokens {
    return this.#connected.valueTokens;
  }

  readonly access: AccessBackend = {
    addTicket: (ticket) => this.#access("addTicket", ticket),
    exchange: (ticket, login) => this.#access("exchange", ticket, login),
    check: (login) => this.#access("check", login),
    end: (login) => this.#access("end", login),
  };

  /** The secret that signs the cookies of people's sessions; `offered` becomes it if there is none yet. */
  peopleSecret(offered: string): Promise<string> {
    return this.#access("peopleSecret", offered);
  }

  /** The same secret on several nodes. */
  readonly sealedSecret: SecretBackend = {
    read: (offered) => this.#access("sealedPeopleSecret", offered),
    replace: (iv, next) => this.#access("replacePeopleSecret", iv, next),
  };

  /** What was saved about sign-in with accounts elsewhere. */
  readonly signIn: Pick<SignInStore, "read" | "write"> = {
    read: () => this.#access("signIn"),
    write: (next) => this.#access("keepSignIn", next),
  };

  /** The keys of Web Push; `offered` become them if there are none yet. */
  pushKeys(offered: PushKeys): Promise<PushKeys> {
    return this.#access("pushKeys", offered);
  }

  /** Answers an approval by the token of a notification. Throws `notification.invalid_token` and what the task throws. */
  async answerApproval(token: unknown, isAllowed: boolean): Promise<{ readonly taskId: string }> {
    const { key, hash } = readAnswerToken(token);
    try {
      const call = { name: "internal.answer", args: [hash, isAllowed] };
      return await this.#connected.client.get("notifications", key).action<{ taskId: string }>(call);
    } catch (error) {
      const isUnknown =
        isErrorCode(error, "actor", "not_found") || isErrorCode(error, "actor", "key_too_long");
      throw isUnknown ? invalidToken() : error;
    }
  }

  /** The same on all nodes, and different from that of any other Studio. */
  identity(): Promise<string> {
    return this.#connected.client.getOrCreate("access", ["local"]).resolve();
  }

  /** `claim` is that of the runner that calls: a runner that was replaced gets `task.runner_replaced`. */
  task(taskId: string, sessionId: string, claim?: number): TaskBackend {
    const claims = claim === undefined ? [] : [claim];
    const as = [claim ?? null, sessionId];
    return {
      next: async () => (await this.#task<TaskWork | null>(taskId, "next", ...as)) ?? undefined,
      report: (report) => this.#task(taskId, "report", report, ...as),
      bringFiles: () => this.#task(taskId, "bringFiles", ...claims),
      saveFiles: () => this.#task(taskId, "saveFiles", ...claims),
    };
  }

  /** As {@link task}. */
  session(sessionId: string, claim?: number): SessionBackend {
    const call = <Result>(name: string, ...args: unknown[]) =>
      this.#connected.client.get("session", [sessionId]).action<Result>({ name, args });
    const append = async (batch: SessionBatch): Promise<number> => {
      const { valueTokens } = this.#connected;
      const token = valueTokens.put(batch);
      try {
        return await call<number>("internal.append", token);
      } finally {
        valueTokens.drop(token);
      }
    };
    return {
      append: async ({ records }) => {
        let head = 0;
        for (const part of partsOf(records, this.#connected.valueTokens.maxBytes))
          head = await append(claim === undefined ? { records: part } : { records: part, claim });
        return head;
      },
      hasRecord: (dedupeKey) => call("internal.has", dedupeKey),
      wasPrompted: () => call("internal.prompted"),
      size: () => call("internal.size"),
      events: (query) => call("events", query),
    };
  }

  /** The actor of an environment, which exists from its first preparation on. */
  environment(id: string): EnvironmentBackend {
    const call = (name: string, argument: unknown) =>
      this.#connected.client.getOrCreate("environment", [id]).action<void>({ name, args: [argument] });
    return {
      begin: (start) => call("internal.begin", start),
      report: (report) => call("internal.report", report),
      preparedBy: async () => {
        const handle = this.#connected.client.get("environment", [id]);
        try {
          const call = { name: "internal.preparedBy", args: [] };
          return (await handle.action<string | null>(call)) ?? undefined;
        } catch (error) {
          if (isErrorCode(error, "actor", "not_found")) return undefined;
          throw error;
        }
      },
      latest: async () => {
        const handle = this.#connected.client.get("environment", [id]);
        try {
          return await handle.action<EnvironmentView>({ name: "get", args: [] });
        } catch (error) {
          if (isErrorCode(error, "actor", "not_found") || isErrorCode(error, "environment", "not_found"))
            return undefined;
          throw error;
        }
      },
    };
  }

  /** Removes the record of an environment. An unknown one is not an error. */
  async removeEnvironment(id: string): Promise<void> {
    try {
      await this.#connected.client.get("environment", [id]).action({ name: "internal.erase", args: [] });
    } catch (error) {
      if (!isErrorCode(error, "actor", "not_found")) throw error;
    }
  }

  readonly preparations: PreparationIndex = {
    add: (preparation) => this.#organization("preparationStarted", preparation),
    remove: (id) => this.#organization("preparationEnded", id),
    list: (place) => this.#organization("openPreparations", place),
  };

  readonly usage: UsageBackend = {
    count: (entries) => this.#count(entries),
    requireBudget: (subject, organization) => this.#usage(organization, "requireBudget", subject),
    editedPrices: () => this.#usage(localOrganization, "editedPrices"),
    budgets: () =>
      this.#connected.client.getOrCreate("usage", [localOrganization]).action({ name: "budgets", args: [] }),
    report: ({ task, session }, usage) => this.#task(task, "report", { type: "usage", usage }, null, session),
  };

  readonly billing = {
    /** Throws `organization.not_found`. */
    take: (organization: string, event: { readonly id: string; readonly type: string }) =>
      this.#billing<boolean>(organization, "take", event),
    membersChanged: (organization: string) => this.#billing<void>(organization, "membersChanged"),
  };

  /** The repositories of all organizations, for webhooks of their forges. */
  readonly repositories: WebhookRepositories = {
    settings: async (id) => {
      try {
        return (await this.#repository<WebhookSettings | null>(id, "webhookSettings")) ?? undefined;
      } catch (error) {
        if (isErrorCode(error, "actor", "not_found") || isErrorCode(error, "actor", "invalid_key"))
          return undefined;
        throw error;
      }
    },
    deliver: (id, delivery) => this.#repository(id, "deliver", delivery),
    refuse: (id, failure) => this.#repository(id, "deliveryFailed", failure),
  };

  /** Where a connected repository is. Throws `repository.not_connected`. */
  async repositorySource(id: string): Promise<RepositorySource> {
    try {
      return await this.#repository<RepositorySource>(id, "source");
    } catch (error) {
      if (!isErrorCode(error, "actor", "not_found")) throw error;
      const message =
        "The repository of this task is not connected any more. Connect it, and start a new task.";
      throw new HoldfastError("repository", "not_connected", message, { statusCode: 404 });
    }
  }

  fetchReported(id: string, report: FetchReport): Promise<void> {
    return this.#repository(id, "fetchReported", report);
  }

  /** Passes an event to its group; durable when it resolves. */
  readonly acceptEvent: AcceptEvent = async (group, event) => {
    const { valueTokens } = this.#connected;
    const token = valueTokens.put(event);
    try {
      return await this.#group<GroupEventAccepted>(group, "accept", token);
    } finally {
      valueTokens.drop(token);
    }
  };

  /** Ids of all organizations that are not being deleted. */
  async organizations(): Promise<readonly string[]> {
    const directory = this.#connected.client.get("organizations", [...directoryKey]);
    try {
      const entries = await directory.action<readonly DirectoryEntry[]>({ name: "internal.list", args: [] });
      return entries.filter(({ status }) => status === "active").map(({ id }) => id);
    } catch (error) {
      // Nobody has created another one.
      if (isErrorCode(error, "actor", "not_found")) return [localOrganization];
      throw error;
    }
  }

  /** Those of some organizations that were deleted. */
  async deletedOf(organizations: readonly string[]): Promise<readonly string[]> {
    const directory = this.#connected.client.get("organizations", [...directoryKey]);
    try {
      return await directory.action({ name: "internal.deletedOf", args: [organizations] });
    } catch (error) {
      if (isErrorCode(error, "actor", "not_found")) return [];
      throw error;
    }
  }

  /** Resumes the tasks that were active when the last process ended. A failure does not affect the other tasks. */
  async recoverTasks(log: Logger): Promise<void> {
    for (const id of await this.organizations()) {
      const organization = this.#connected.client.getOrCreate("organization", [id]);
      const ids = await organization
        .action<readonly string[]>({ name: "internal.recover", args: [] })
        .catch((error: unknown) => {
          if (id === localOrganization) throw error;
          log.error("could not resume an organization", { organization: id, error });
          return [];
        });
      for (const taskId of ids) {
        await this.#task(taskId, "recover").catch((error: unknown) => {
          log.error("could not resume a task", { taskId, error });
        });
      }
    }
  }

  /** Creates the actors of repositories whose connection a crash has interrupted. */
  async recoverRepositories(log: Logger): Promise<void> {
    for (const id of await this.organizations()) {
      await this.#connected.client
        .getOrCreate("organization", [id])
        .action<void>({ name: "internal.recoverRepositories", args: [] })
        .catch((error: unknown) => log.error("could not resume the repositories", { error }));
    }
  }

  /** Resumes the event queue of each group. */
  async recoverGroups(names: readonly string[], log: Logger): Promise<void> {
    for (const group of names) {
      await this.#group(group, "recover").catch((error: unknown) => {
        log.error("could not resume a group", { group, error });
      });
    }
  }

  #organization<Result>(name: string, argument: unknown): Promise<Result> {
    const organization = this.#connected.client.getOrCreate("organization", [localOrganization]);
    return organization.action<Result>({ name: `internal.${name}`, args: [argument] });
  }

  /** Counts entries where their tasks belong. What is of a deleted organization counts nowhere. */
  async #count(entries: readonly UsageEntry[]): Promise<CountedEntries> {
    const sessions: CountedUsage["sessions"][number][] = [];
    let pricesRevision: number | undefined;
    const byOrganization = Map.groupBy(entries, ({ subject }) => organizationOfId(subject.task));
    for (const [organization, own] of byOrganization) {
      const counted = await this.#usage<CountedUsage>(organization, "count", own).catch((error: unknown) => {
        if (isErrorCode(error, "organization", "not_found")) return undefined;
        throw error;
      });
      sessions.push(...(counted?.sessions ?? []));
      if (organization === localOrganization) pricesRevision = counted?.pricesRevision;
    }
    return { sessions, pricesRevision };
  }

  #usage<Result>(organization: string, name: string, ...args: unknown[]): Promise<Result> {
    const usage = this.#connected.client.getOrCreate("usage", [organization]);
    return usage.action<Result>({ name: `internal.${name}`, args });
  }

  #billing<Result>(organization: string, name: string, ...args: unknown[]): Promise<Result> {
    const billing = this.#connected.client.getOrCreate("billing", [organization]);
    return billing.action<Result>({ name: `internal.${name}`, args });
  }

  #repository<Result>(id: string, name: string, ...args: unknown[]): Promise<Result> {
    return this.#connected.client.get("repository", [id]).action<Result>({ name: `internal.${name}`, args });
  }

  #group<Result>(group: string, name: string, ...args: unknown[]): Promise<Result> {
    const handle = this.#connected.client.getOrCreate("group", [group]);
    return handle.action<Result>({ name: `internal.${name}`, args });
  }

  #task<Result>(taskId: string, name: string, ...args: unknown[]): Promise<Result> {
    return this.#connected.client.get("task", [taskId]).action<Result>({ name: `internal.${name}`, args });
  }

  #access<Result>(name: string, ...args: unknown[]): Promise<Result> {
    const access = this.#connected.client.getOrCreate("access", ["local"]);
    return access.action<Result>({ name: `internal.${name}`, args });
  }

  get #connected(): { readonly client: ClientBase; readonly valueTokens: ValueTokens } {
    if (this.#client === undefined || this.#valueTokens === undefined) {
      throw new HoldfastError("studio", "not_started", "The Studio has not started yet");
    }
    return { client: this.#client, valueTokens: this.#valueTokens };
  }
}

/** Splits records, in order, into parts of at most `maxBytes` as JSON, if each is shorter. */
function* partsOf(records: readonly SessionRecord[], maxBytes: number): Generator<readonly SessionRecord[]> {
  if (maxBytes === Number.POSITIVE_INFINITY) {
    yield records;
    return;
  }
  let part: SessionRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = Buffer.byteLength(JSON.stringify(record));
    if (part.length > 0 && bytes + size > maxBytes) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(record);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
