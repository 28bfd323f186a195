/** A document that many people edit at once: its text, its members, its links, its versions. */
import { randomUUID } from "node:crypto";
import { actor, event, type Registry, UserError } from "holdfast";
import type { Client } from "holdfast/client";
import { limits } from "../limits.ts";
import { requireUser, type User } from "../sessions.ts";
import type { account, Role } from "./account.ts";
import { editorOf, type Link, type Member, memberOf, ownerOf } from "./members.ts";
import { StoredText } from "./stored-text.ts";
import { keepVersion, keepVersionBefore, type Version, versionText } from "./versions.ts";

type Accounts = Registry<{ account: typeof account }>;

/** What everybody with access sees of a document, beside its text. */
export interface Info {
  readonly title: string;
  readonly members: readonly Member[];
  readonly versions: readonly Version[];
}

/** Where a person is: positions of Yjs, which stay at their text while others edit. */
export interface Presence {
  readonly user: User;
  readonly anchor: Uint8Array | undefined;
  readonly head: Uint8Array | undefined;
}

export const document = actor({
  createState: (_c, { title, owner }: { title: string; owner: User }) => ({
    title: checkedTitle(title),
    members: [{ ...owner, role: "owner" }] as Member[],
    links: [] as Link[],
    versions: [] as Version[],
    nextVersion: 1,
    editors: [] as string[],
    changedAt: Date.now(),
  }),
  createVars: async (c) => ({ text: await StoredText.load(c.kv) }),
  events: { update: event<Uint8Array>(), info: event<Info>() },
  onCreate: (c) => tell(c.client<Accounts>(), c.key, c.state, c.state.members),
  onAuth: (_c, { req, intents }) => {
    if (intents.has("create")) throw new UserError("There is no such document", { code: "forbidden" });
    return requireUser(req);
  },
  onConnect: (c, conn) => {
    // Calls of the server itself have no session.
    if (conn.auth !== undefined) memberOf(c.state.members, conn.auth);
  },
  actions: {
    /** What the caller lacks, and the state vector of the document: the caller sends what that lacks. */
    open: (c, known: Uint8Array) => {
      const user: User = c.conn.auth;
      c.presence.set(c.conn, { user, anchor: undefined, head: undefined } satisfies Presence);
      return { ...c.vars.text.since(known), info: infoOf(c.state), user };
    },
    edit: async (c, update: Uint8Array) => {
      const { name } = editorOf(c.state.members, c.conn.auth);
      c.vars.text.check(update);
      const now = Date.now();
      const isVersion = await keepVersionBefore(c, now);
      c.state.changedAt = now;
      if (!c.state.editors.includes(name)) c.state.editors.push(name);
      await c.vars.text.apply(update);
      c.broadcast({ event: "update", except: [c.conn.id] }, update);
      if (isVersion) await changed(c, c.client<Accounts>());
    },
    point: (c, anchor: Uint8Array | undefined, head: Uint8Array | undefined) => {
      if (!isPosition(anchor) || !isPosition(head))
        throw new UserError("No position", { code: "no_position" });
      c.presence.set(c.conn, { user: c.conn.auth, anchor, head } satisfies Presence);
    },
    rename: async (c, title: string) => {
      editorOf(c.state.members, c.conn.auth);
      c.state.title = checkedTitle(title);
      c.state.changedAt = Date.now();
      await changed(c, c.client<Accounts>());
    },
    saveVersion: async (c, label: string) => {
      editorOf(c.state.members, c.conn.auth);
      await keepVersion(c, Date.now(), checkedLabel(label));
      c.broadcast("info", infoOf(c.state));
    },
    versionText: (c, id: number) => versionText(c, id),
    restore: async (c, id: number) => {
      const { name } = editorOf(c.state.members, c.conn.auth);
      const text = await versionText(c, id);
      await keepVersion(c, Date.now(), undefined);
      c.state.editors = [name];
      c.state.changedAt = Date.now();
      // A change like any other: what others type meanwhile is merged with it.
      c.broadcast("update", await c.vars.text.replaceWith(text));
      await changed(c, c.client<Accounts>());
    },
    links: (c) => {
      ownerOf(c.state.members, c.conn.auth);
      return c.state.links;
    },
    /** Only for the server, which signs the link. */
    addLink: (c, user: User, role: "edit" | "read") => {
      refuseNetwork(c.conn.auth);
      ownerOf(c.state.members, user);
      if (role !== "edit" && role !== "read") throw new UserError("No such right", { code: "invalid_role" });
      if (c.state.links.length >= limits.linksOfDocument) {
        const message = `A document has up to ${limits.linksOfDocument} links. Revoke one first.`;
        throw new UserError(message, { code: "too_many_links" });
      }
      const link: Link = { id: randomUUID(), role, createdAt: Date.now() };
      c.state.links.push(link);
      return link;
    },
    revokeLink: (c, id: string) => {
      ownerOf(c.state.members, c.conn.auth);
      c.state.links = c.state.links.filter((link) => link.id !== id);
    },
    /** Only for the server, which has checked the signature of the link: its holder becomes a member. */
    join: async (c, user: User, linkId: string) => {
      refuseNetwork(c.conn.auth);
      const link = c.state.links.find(({ id }) => id === linkId);
      if (link === undefined) throw new UserError("This link has been revoked", { code: "link_revoked" });
      const before = c.state.members.find(({ id }) => id === user.id);
      // A link never takes rights away.
      if (before !== undefined && (before.role !== "read" || link.role === "read")) return;
      if (before === undefined && c.state.members.length >= limits.membersOfDocument) {
        const message = `A document has up to ${limits.membersOfDocument} people`;
        throw new UserError(message, { code: "too_many_members" });
      }
      const others = c.state.members.filter(({ id }) => id !== user.id);
      c.state.members = [...others, { ...user, role: link.role }];
      await changed(c, c.client<Accounts>());
    },
    /** The owner removes others; others remove themselves. */
    removeMember: async (c, id: string) => {
      const caller = memberOf(c.state.members, c.conn.auth);
      if (caller.id !== id) ownerOf(c.state.members, caller);
      if (c.state.members.find((member) => member.id === id)?.role === "owner") return;
      c.state.members = c.state.members.filter((member) => member.id !== id);
      const client = c.client<Accounts>();
      await tell(client, c.key, c.state, [{ id, role: undefined }]);
      await changed(c, client);
      for (const conn of c.conns.values()) if (conn.auth?.id === id) await conn.disconnect("removed");
    },
    remove: async (c) => {
      ownerOf(c.state.members, c.conn.auth);
      const former = c.state.members.map(({ id }) => ({ id, role: undefined }));
      await tell(c.client<Accounts>(), c.key, c.state, former);
      c.destroy();
    },
  },
});

interface Described {
  readonly key: readonly string[];
  readonly state: Info & { readonly changedAt: number };
  readonly broadcast: (event: "info", info: Info) => unknown;
}

async function changed(c: Described, client: Client<Accounts>): Promise<void> {
  c.broadcast("info", infoOf(c.state));
  await tell(client, c.key, c.state, c.state.members);
}

/** Brings lists of documents up to date, by messages that are part of this turn and arrive after a crash as well. */
async function tell(
  client: Client<Accounts>,
  [id = ""]: readonly string[],
  { title, changedAt }: { readonly title: string; readonly changedAt: number },
  people: readonly { readonly id: string; readonly role: Role | undefined }[],
): Promise<void> {
  for (const { id: person, role } of people) {
    await client.account.getOrCreate([person]).send("news", { id, title, role, changedAt });
  }
}

function infoOf({ title, members, versions }: Info): Info {
  return { title, members, versions };
}

function refuseNetwork(session: User | undefined): void {
  if (session !== undefined) throw new UserError("Use a share link", { code: "forbidden" });
}

function checkedTitle(title: unknown): string {
  const short = typeof title === "string" ? title.trim() : "";
  if (short !== "" && short.length <= limits.titleCharacters) return short;
  throw new UserError(`A title has 1 to ${limits.titleCharacters} characters`, { code: "invalid_title" });
}

function checkedLabel(label: unknown): string | undefined {
  const short = typeof label === "string" ? label.trim().slice(0, limits.labelCharacters) : "";
  return short === "" ? `Saved by hand` : short;
}

function isPosition(value: unknown): boolean {
  return value === undefined || (value instanceof Uint8Array && value.length <= 64);
}
