import type { ClientBase } from "@holdfast/client";
import { isErrorCode } from "@holdfast/core";
import { localOrganization } from "../access/organization-ids.ts";
import type { RepositorySummary, RepositoryView } from "../backend/repositories/contract.ts";
import type { BudgetList, PriceList } from "../contract/usage.ts";
import type { SessionPage } from "../contract.ts";
import type { ArchiveEntry } from "./archive.ts";
import {
  type ArchiveManifest,
  archiveFormat,
  entryNames,
  type PortableRepository,
  type PortableTask,
} from "./format.ts";

export interface ExportOptions {
  readonly client: () => ClientBase;
  readonly now: () => number;
  readonly members: (organization: string) => Promise<unknown>;
}

/** The entries of the archive of an organization, one after the other. Each part is as it is when its turn comes. */
export async function* exportEntries(
  { client, now, members }: ExportOptions,
  organization: { readonly id: string; readonly name: string },
): AsyncGenerator<ArchiveEntry> {
  const { id } = organization;
  const call = <Result>(actor: string, key: string, name: string, ...args: unknown[]) =>
    client().getOrCreate(actor, [key]).action<Result>({ name, args });
  const manifest: ArchiveManifest = { ...archiveFormat, exportedAt: now(), organization };
  yield { name: entryNames.manifest, value: manifest };
  yield { name: entryNames.members, value: await members(id) };
  const repositories: PortableRepository[] = [];
  for (const summary of await call<readonly RepositorySummary[]>("organization", id, "listRepositories")) {
    const { source } = await call<RepositoryView>("repository", summary.id, "get");
    repositories.push({ id: summary.id, name: summary.name, source });
  }
  yield { name: entryNames.repositories, value: repositories };
  yield { name: entryNames.schedules, value: await call("schedules", id, "list") };
  yield { name: entryNames.budgets, value: (await call<BudgetList>("usage", id, "budgets")).budgets };
  const { prices } = await call<PriceList>("usage", id, "prices");
  yield { name: entryNames.prices, value: prices.filter(({ source }) => source === "edited") };
  const defaults = await call("attention", id, "notificationDefaults");
  yield { name: entryNames.notificationDefaults, value: defaults };
  yield { name: entryNames.views, value: await call("organization", id, "internal.allViews") };
  if (id === localOrganization)
    yield { name: entryNames.policy, value: await call("administration", id, "policy") };
  for (let after = ""; ; ) {
    const tasks = await call<readonly { readonly id: string; readonly archivedAt?: number }[]>(
      ...(["organization", id, "internal.taskIds", after] as const),
    );
    if (tasks.length === 0) return;
    for (const { id: task, archivedAt } of tasks) {
      after = task;
      const state = await known(
        client().get("task", [task]).action<PortableTask["state"]>({ name: "internal.portable", args: [] }),
      );
      // It was deleted, or never begun.
      if (state === undefined) continue;
      const value: PortableTask = { state, ...(archivedAt === undefined ? {} : { archivedAt }) };
      yield { name: `tasks/${task}.json`, value };
      yield* attachmentEntries(client, state);
      for (const { sessionId } of [state, ...(state.sessions ?? [])])
        yield* sessionEntries(client, sessionId);
    }
  }
}

/** The files of all prompts of a task. One that was lost is left out. */
async function* attachmentEntries(
  client: () => ClientBase,
  state: PortableTask["state"],
): AsyncGenerator<ArchiveEntry> {
  const prompts = [state, ...(state.sessions ?? [])].flatMap((session) => session.prompts);
  const ids = new Set(prompts.flatMap(({ attachments = [] }) => attachments.map(({ id }) => id)));
  for (const id of ids) {
    const attachment = client().get("attachment", [id]);
    const call = <Result>(name: string, ...args: unknown[]) =>
      known(attachment.action<Result>({ name, args }));
    const { pieces = 0 } = (await call<{ readonly pieces: number }>("internal.describe")) ?? {};
    for (let index = 0; index < pieces; index += 1)
      yield { name: `attachments/${id}/${index}.json`, value: await call<string>("internal.read", index) };
  }
}

async function* sessionEntries(client: () => ClientBase, session: string): AsyncGenerator<ArchiveEntry> {
  for (let after = 0; ; ) {
    const page = await known(
      client()
        .get("session", [session])
        .action<SessionPage>({ name: "events", args: [{ after, limit: 1_000 }] }),
    );
    const last = page?.events.at(-1);
    if (page === undefined || last === undefined) return;
    yield { name: `sessions/${session}/${after}.json`, value: page.events };
    after = last.seq;
  }
}

/** Undefined for an actor that does not exist. */
async function known<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isErrorCode(error, "actor", "not_found")) return undefined;
    throw error;
  }
}
