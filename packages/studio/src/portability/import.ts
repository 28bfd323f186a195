import type { ClientBase } from "@holdfast/client";
import { inOrganization } from "../access/organization-ids.ts";
import { mediaTypeOf } from "../attachments/sniff.ts";
import { attachmentPieceBytes } from "../attachments/stored.ts";
import type { RepositorySource, RepositorySummary } from "../backend/repositories/contract.ts";
import { toTaskSummary } from "../backend/sessions/view.ts";
import type { ValueTokens } from "../backend/value-tokens.ts";
import type { ImportReport } from "../contract/people.ts";
import type { AttachmentView } from "../contract/prompts.ts";
import { secretPrefix } from "../remotes/connections.ts";
import { type ArchiveEntry, invalidArchive } from "./archive.ts";
import {
  archiveFormat,
  attachmentEntry,
  entryNames,
  readVersions,
  sessionEntry,
  taskEntry,
} from "./format.ts";
import { eventsOf, listOf, objectOf, taskOf, textOf } from "./read.ts";

export interface ImportOptions {
  readonly client: () => ClientBase;
  readonly valueTokens: () => ValueTokens;
  readonly newId: () => string;
  /** The organization that is being created, and who imports it. */
  readonly organization: string;
  readonly person: { readonly id: string; readonly isOperator: boolean };
  /** Invites somebody who was a member. */
  readonly invite: (email: string, role: string) => Promise<void>;
}

/**
 * Fills a new organization with the entries of an archive. Every id becomes a new one: nothing of an archive can name what
 * is there already. The caller deletes the organization if this throws.
 */
export class OrganizationImport {
  readonly #options: ImportOptions;
  /** New ids by those in the archive. */
  readonly #repositories = new Map<string, string>();
  readonly #sessions = new Map<string, { readonly id: string; readonly task: string; seq: number }>();
  /** New files by their ids in the archive, and those whose pieces have not all come. */
  readonly #attachments = new Map<string, AttachmentView>();
  readonly #files = new Map<
    string,
    { readonly attachment: AttachmentView; readonly task: string; readonly parts: string[] }
  >();
  /** The id in the archive of the file whose pieces are coming. */
  #openFile: string | undefined;
  readonly #notCarried = new Set<string>();
  #counts = { tasks: 0, repositories: 0, schedules: 0, invitations: 0 };
  /** Names of the entries that are there once. */
  readonly #taken = new Set<string>();
  #isFirst = true;

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  get report(): ImportReport {
    return {
      ...this.#counts,
      notCarried: [
        "secrets and tokens of repositories: connect each again, or enter its token",
        "accounts, sign-ins and API tokens: former members have an invitation",
        "files of tasks: a task begins again from its repository, with its transcript and the files of its prompts",
        "usage, inboxes and settings of notifications of people",
        ...this.#notCarried,
      ],
    };
  }

  /** Throws `organization.invalid_archive`. */
  async take({ name, value }: ArchiveEntry): Promise<void> {
    if (this.#isFirst !== (name === entryNames.manifest)) throw invalidArchive("it does not begin as one");
    this.#isFirst = false;
    if (taskEntry.test(name)) return this.#task(value);
    const piece = attachmentEntry.exec(name);
    if (piece !== null) return this.#piece(piece[1] ?? "", Number(piece[2]), value);
    const session = sessionEntry.exec(name)?.[1];
    if (session !== undefined) return this.#events(session, value);
    if (this.#taken.has(name)) throw invalidArchive(`it has ${JSON.stringify(name.slice(0, 100))} twice`);
    this.#taken.add(name);
    switch (name) {
      case entryNames.manifest:
        return requireVersion(value);
      case entryNames.members:
        return this.#members(value);
      case entryNames.repositories:
        return this.#connect(value);
      case entryNames.schedules:
        return this.#schedules(value);
      case entryNames.budgets:
        for (const budget of listOf(value, "budgets")) await this.#call("usage", "saveBudget", budget);
        return;
      case entryNames.prices:
        for (const price of listOf(value, "prices")) await this.#call("usage", "setPrice", price);
        return;
      case entryNames.notificationDefaults:
        return this.#call("attention", "setNotificationDefaults", value);
      case entryNames.views:
        return this.#call("organization", "internal.restoreViews", listOf(value, "views"));
      case entryNames.policy:
        this.#notCarried.add("the policy, which is the machine's: it is in policy.json of the archive");
        return;
      default:
        throw invalidArchive(`it has an unknown part ${JSON.stringify(name.slice(0, 100))}`);
    }
  }

  async #members(value: unknown): Promise<void> {
    for (const member of listOf(value, "members")) {
      const { person, email, role } = objectOf(member, "a member");
      if (person === this.#options.person.id) continue;
      await this.#options.invite(textOf(email, "an e-mail address", 320), textOf(role, "a role", 20));
      this.#counts.invitations += 1;
    }
  }

  async #connect(value: unknown): Promise<void> {
    for (const each of listOf(value, "repositories")) {
      const { id, name, source: given } = objectOf(each, "a repository");
      const newId = inOrganization(this.#options.organization, this.#options.newId());
      const source = withoutSecrets(objectOf(given, "a source"), newId, this.#options.person.isOperator);
      if (source === undefined) {
        this.#notCarried.add(`the repository ${textOf(name, "a name", 4_096)}: connect it again`);
        continue;
      }
      await this.#call<RepositorySummary>("organization", "internal.restoreRepository", newId, source);
      this.#repositories.set(textOf(id, "an id", 100), newId);
      this.#counts.repositories += 1;
    }
  }

  async #schedules(value: unknown): Promise<void> {
    for (const each of listOf(value, "schedules")) {
      const { name, repository, ...rest } = objectOf(each, "a schedule");
      const connected = this.#repositories.get(String(repository));
      if (connected === undefined) {
        this.#notCarried.add(`the schedule ${textOf(name, "a name", 200)}: its repository is not connected`);
        continue;
      }
      const { cron, timezone, on, branch, agent, prompt } = rest;
      const input = { name, repository: connected, cron, timezone, on, branch, agent, prompt };
      await this.#call("schedules", "internal.restore", JSON.parse(JSON.stringify(input)));
      this.#counts.schedules += 1;
    }
  }

  async #task(value: unknown): Promise<void> {
    const { newId, organization, person } = this.#options;
    const ids = {
      newId: () => inOrganization(organization, newId()),
      newFileId: newId,
      repository: (id: string) => this.#repositories.get(id),
      person: person.id,
    };
    const { state, archivedAt, sessions, files } = taskOf(value, ids);
    for (const { from, attachment } of files) {
      if (this.#attachments.has(from)) throw invalidArchive("two tasks have the same file");
      this.#attachments.set(from, attachment);
      this.#files.set(from, { attachment, task: state.id, parts: [] });
    }
    // The list says which tasks there are, and a task which sessions: whatever a crash leaves is found and deleted.
    await this.#call("organization", "internal.restoreTask", toTaskSummary(state), archivedAt ?? null);
    await this.#create("task", state.id, { restored: state });
    for (const { from, to } of sessions) {
      this.#sessions.set(from, { id: to, task: state.id, seq: 0 });
      await this.#create("session", to, { sessionOf: state.id });
    }
    this.#counts.tasks += 1;
  }

  /** The pieces of a file come one after the other. With the last one, it is stored and given to its task. */
  async #piece(from: string, index: number, value: unknown): Promise<void> {
    const file = this.#files.get(from);
    if (file === undefined) throw invalidArchive("a file comes before its task, or twice");
    // So that at most one is in memory.
    if (this.#openFile !== undefined && this.#openFile !== from)
      throw invalidArchive("a file is not complete");
    this.#openFile = from;
    const { attachment, task, parts } = file;
    const pieces = Math.ceil(attachment.bytes / attachmentPieceBytes);
    if (index !== parts.length || typeof value !== "string") throw invalidArchive("a file has a gap");
    parts.push(value);
    if (parts.length < pieces) return;
    this.#files.delete(from);
    this.#openFile = undefined;
    const content = Buffer.concat(parts.map((part) => Buffer.from(part, "base64")));
    if (content.length !== attachment.bytes || mediaTypeOf(content) !== attachment.mediaType)
      throw invalidArchive("a file is not what its prompt says");
    const { id: person } = this.#options.person;
    await this.#create("attachment", attachment.id, { attachment, person, pieces });
    const stored = this.#options.client().get("attachment", [attachment.id]);
    for (const [at, part] of parts.entries())
      await this.#passing({ piece: part, index: at }, (token) =>
        stored.action({ name: "internal.write", args: [token] }),
      );
    await stored.action({ name: "internal.give", args: [task, person] });
  }

  async #events(from: string, value: unknown): Promise<void> {
    const session = this.#sessions.get(from);
    if (session === undefined) throw invalidArchive("a transcript comes before its task");
    const events = eventsOf(value, session.seq, this.#attachments);
    session.seq += events.length;
    await this.#passing({ events }, (token) =>
      this.#options
        .client()
        .get("session", [session.id])
        .action({ name: "internal.restore", args: [token] }),
    );
  }

  /** Makes the transcripts findable. Called once everything is there. */
  async finish(): Promise<void> {
    if (this.#isFirst) throw invalidArchive("it is empty");
    if (this.#openFile !== undefined) throw invalidArchive("a file is not complete");
    for (const task of new Set([...this.#sessions.values()].map((session) => session.task)))
      await this.#options.client().get("task", [task]).action({ name: "internal.pushText", args: [] });
  }

  async #create(actor: string, id: string, input: unknown): Promise<void> {
    await this.#passing(input, (token) =>
      this.#options.client().getOrCreate(actor, [id], { createWithInput: { token } }).resolve(),
    );
  }

  async #passing(value: unknown, pass: (token: string) => Promise<unknown>): Promise<void> {
    const valueTokens = this.#options.valueTokens();
    const token = valueTokens.put(value);
    try {
      await pass(token);
    } finally {
      valueTokens.drop(token);
    }
  }

  #call<Result>(actor: string, name: string, ...args: unknown[]): Promise<Result> {
    return this.#options
      .client()
      .getOrCreate(actor, [this.#options.organization])
      .action<Result>({ name, args });
  }
}

function requireVersion(value: unknown): void {
  const { format, version } = objectOf(value, "the manifest");
  if (format !== archiveFormat.format) throw invalidArchive("it is something else");
  if (!readVersions.includes(version))
    throw invalidArchive(
      `it has version ${String(version)}, and this server reads versions up to ${archiveFormat.version}`,
    );
}

/**
 * The source with the names that the secrets of the new repository have: an archive names none of the vault. Undefined for
 * what cannot be connected without them, and for folders unless the operator imports.
 */
function withoutSecrets(
  source: Readonly<Record<string, unknown>>,
  id: string,
  isOperator: boolean,
): RepositorySource | undefined {
  if (source["kind"] === "folder") return isOperator ? (source as unknown as RepositorySource) : undefined;
  if (source["ssh"] !== undefined) return undefined;
  const { webhookSecret: _, ...rest } = source;
  const { credential } = source;
  if (credential === undefined) return rest as unknown as RepositorySource;
  const given = objectOf(credential, "a credential");
  const secret = `${secretPrefix(id)}${given["kind"] === "app" ? "key" : "token"}`;
  return { ...rest, credential: { ...given, secret } } as unknown as RepositorySource;
}
