import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { HoldfastError } from "@holdfast/core";
import { isAtLeast, type Role, roles } from "../../access/roles.ts";
import type { Invitation, Member } from "../../contract/people.ts";
import { studioLimits } from "../../limits.ts";
import { announceSoon, announcing, type PeopleHost } from "./host.ts";
import { type RowDatabase, Rows, type Tables } from "./rows.ts";
import type { Condition, Row } from "./where.ts";

const memberTables = {
  member: ["person", "name", "email", "role", "joined_at", "seen_at"],
  invitation: ["id", "hash", "role", "email", "created_by", "created_at", "expires_at"],
} as const satisfies Tables;

const schema = `
  CREATE TABLE member (
    person TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, role TEXT NOT NULL, joined_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE invitation (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, role TEXT NOT NULL, email TEXT, created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT;
`;

const seenColumn = "ALTER TABLE member ADD COLUMN seen_at INTEGER";

export interface NewInvitation extends Invitation {
  /** SHA-256 of the token in the invitation's link. */
  readonly hash: string;
}

export interface MembersState {
  version: 1;
  /** Absent unless the organization is being deleted: then nobody has a role. */
  isClosed?: boolean;
}

/** Who joins. */
export interface Joining {
  readonly person: string;
  readonly name: string;
  readonly email: string;
}

/**
 * The people of one organization, keyed by its id: members with their roles, and invitations. It decides who has which
 * role, and an organization that has had an owner never loses its last one. Clients cannot reach it.
 */
export function createMembersActor(host: PeopleHost) {
  const rows = new Rows(memberTables);
  const steps = new MemberSteps(rows, host);
  const changed = ({ key: [organization = ""] }: { readonly key: readonly string[] }): void =>
    host.listChanged?.(organization);
  return actor({
    createState: (): MembersState => ({ version: 1 }),
    db: db({
      onMigrate: migrations({
        migrations: [
          { version: 1, sql: schema },
          { version: 2, sql: seenColumn },
        ],
      }),
    }),
    // Each change reads who is a member first: no other may come between.
    options: { name: "Members", concurrency: "serial" },
    actions: {
      internal: {
        ...announcing(host),

        /** The role of a person who sends a request, which counts as being seen; null for one who is no member. */
        role: async (c, person: string): Promise<Role | null> =>
          c.state.isClosed === true ? null : steps.roleOf(c.db, person),

        /** Makes a person the first owner of a new organization; idempotent. */
        async found(c, joining: Joining): Promise<void> {
          await announceSoon(host, c, joining.person);
          await steps.found(c.db, joining);
          changed(c);
        },

        /** Ends all rights, as the organization is being deleted. Returns the people who were members. */
        async close(c): Promise<readonly string[]> {
          const people = (await rows.find(c.db, "member", [])).map(({ person }) => String(person));
          await announceSoon(host, c, ...people);
          c.state.isClosed = true;
          await rows.remove(c.db, "invitation", []);
          for (const person of people) host.accessChanged(person);
          return people;
        },

        erase: (c): void => c.destroy(),

        async list(c): Promise<readonly Member[]> {
          const found = await rows.find(c.db, "member", [], {
            sortBy: { column: "joined_at", descending: false },
          });
          return found.map(toMember);
        },

        /** Adds an invitation. Throws `invitation.too_many`, `member.forbidden_role`. */
        async invite(c, invitation: NewInvitation, by: Role): Promise<void> {
          await steps.invite(c.db, invitation, by);
          changed(c);
        },

        async invitations(c): Promise<readonly Invitation[]> {
          const sortBy = { column: "created_at", descending: true };
          const found = await rows.find(c.db, "invitation", [steps.unexpired()], { sortBy });
          return found.map(toInvitation);
        },

        /** Throws `invitation.not_found`. */
        async invitation(c, hash: string): Promise<Invitation> {
          return steps.requireInvitation(c.db, hash);
        },

        /** Gives an invitation another token and the full time. Throws `invitation.not_found`, `member.forbidden_role`. */
        async renew(
          c,
          id: string,
          next: Pick<NewInvitation, "hash" | "expiresAt">,
          by: Role,
        ): Promise<Invitation> {
          const invitation = await steps.renew(c.db, id, next, by);
          changed(c);
          return invitation;
        },

        async withdraw(c, id: string): Promise<void> {
          await rows.remove(c.db, "invitation", [{ column: "id", operator: "eq", value: id }]);
          changed(c);
        },

        /**
         * Makes a person a member by an invitation, which is used up. A member keeps the greater role. Throws
         * `invitation.not_found`, `invitation.for_another`, `member.too_many`.
         */
        async accept(c, hash: string, joining: Joining): Promise<Role> {
          await announceSoon(host, c, joining.person);
          const role = await c.db.transaction((tx) => steps.accept(tx, hash, joining));
          host.membersChanged?.(c.key[0] ?? "");
          changed(c);
          return role;
        },

        /** Throws `member.not_found`, `member.forbidden_role`, `member.last_owner`. */
        async changeRole(c, person: string, role: Role, by: Role): Promise<void> {
          await announceSoon(host, c, person);
          await steps.changeRole(c.db, person, role, by);
          changed(c);
        },

        /** Removes a member, or lets them leave. Throws `member.not_found`, `.forbidden_role`, `.last_owner`. */
        async remove(c, person: string, by: Role): Promise<void> {
          await announceSoon(host, c, person);
          await steps.remove(c.db, person, by);
          host.membersChanged?.(c.key[0] ?? "");
          changed(c);
        },

        /** Takes over the name that a person has now. */
        async rename(c, person: string, name: string): Promise<void> {
          await rows.update(c.db, "member", [{ column: "person", operator: "eq", value: person }], { name });
          changed(c);
        },

        /**
         * Makes a member an owner, and the owner who hands over an admin, both or neither. Throws `member.not_found`,
         * `member.forbidden_role`.
         */
        async transfer(c, from: string, to: string): Promise<void> {
          await announceSoon(host, c, from, to);
          await c.db.transaction((tx) => steps.transfer(tx, from, to));
          changed(c);
        },
      },
    },
  });
}

class MemberSteps {
  readonly #rows: Rows;
  readonly #host: PeopleHost;

  constructor(rows: Rows, host: PeopleHost) {
    this.#rows = rows;
    this.#host = host;
  }

  unexpired(): Condition {
    return { column: "expires_at", operator: "gt", value: this.#host.ports.clock.now() };
  }

  async find(db: RowDatabase, person: string): Promise<Member | undefined> {
    const [row] = await this.#rows.find(db, "member", [{ column: "person", operator: "eq", value: person }]);
    return row === undefined ? undefined : toMember(row);
  }

  async roleOf(db: RowDatabase, person: string): Promise<Role | null> {
    const member = await this.find(db, person);
    if (member === undefined) return null;
    const now = this.#host.ports.clock.now();
    if (now - (member.seenAt ?? 0) >= studioLimits.memberSeenMs) {
      const where: Condition = { column: "person", operator: "eq", value: person };
      await this.#rows.update(db, "member", [where], { seen_at: now });
    }
    return member.role;
  }

  async #require(db: RowDatabase, person: string): Promise<Member> {
    const member = await this.find(db, person);
    if (member !== undefined) return member;
    throw memberNotFound();
  }

  async requireInvitation(db: RowDatabase, hash: string): Promise<Invitation> {
    const [row] = await this.#rows.find(db, "invitation", [
      { column: "hash", operator: "eq", value: hash },
      this.unexpired(),
    ]);
    if (row !== undefined) return toInvitation(row);
    throw invitationNotFound();
  }

  async invite(db: RowDatabase, invitation: NewInvitation, by: Role): Promise<void> {
    requireGreatest(by, invitation.role);
    const expired: Condition = {
      column: "expires_at",
      operator: "lte",
      value: this.#host.ports.clock.now(),
    };
    await this.#rows.remove(db, "invitation", [expired]);
    if ((await this.#rows.find(db, "invitation", [])).length >= studioLimits.maxInvitations) {
      const message = `An organization has at most ${studioLimits.maxInvitations} open invitations. Withdraw one first.`;
      throw new HoldfastError("invitation", "too_many", message, { statusCode: 409 });
    }
    const { id, hash, role, email, createdBy, createdAt, expiresAt } = invitation;
    await this.#rows.insert(db, "invitation", {
      ...{ id, hash, role, email },
      created_by: createdBy,
      created_at: createdAt,
      expires_at: expiresAt,
    });
  }

  async found(db: RowDatabase, { person, name, email }: Joining): Promise<void> {
    if ((await this.find(db, person)) !== undefined) return;
    const joined = { person, name, email, role: "owner", joined_at: this.#host.ports.clock.now() };
    await this.#rows.insert(db, "member", joined);
    this.#host.accessChanged(person);
  }

  async renew(
    db: RowDatabase,
    id: string,
    { hash, expiresAt }: Pick<NewInvitation, "hash" | "expiresAt">,
    by: Role,
  ): Promise<Invitation> {
    const where: Condition = { column: "id", operator: "eq", value: id };
    const [row] = await this.#rows.find(db, "invitation", [where]);
    if (row === undefined) throw invitationNotFound();
    requireGreatest(by, toRole(row["role"]));
    await this.#rows.update(db, "invitation", [where], { hash, expires_at: expiresAt });
    return { ...toInvitation(row), expiresAt };
  }

  async accept(db: RowDatabase, hash: string, { person, name, email }: Joining): Promise<Role> {
    const invitation = await this.requireInvitation(db, hash);
    if (invitation.email !== null && invitation.email.toLowerCase() !== email.toLowerCase()) {
      const message = "This invitation is for another e-mail address. Sign in with that one.";
      throw new HoldfastError("invitation", "for_another", message, { statusCode: 403 });
    }
    const present = await this.find(db, person);
    const role =
      present !== undefined && isAtLeast(present.role, invitation.role) ? present.role : invitation.role;
    if (present !== undefined) await this.#setRole(db, person, role);
    else {
      if ((await this.#rows.find(db, "member", [])).length >= studioLimits.maxMembers) {
        const message = `An organization has at most ${studioLimits.maxMembers} members`;
        throw new HoldfastError("member", "too_many", message, { statusCode: 409 });
      }
      const joined = { person, name, email, role, joined_at: this.#host.ports.clock.now() };
      await this.#rows.insert(db, "member", joined);
    }
    await this.#rows.remove(db, "invitation", [{ column: "hash", operator: "eq", value: hash }]);
    return role;
  }

  async changeRole(db: RowDatabase, person: string, role: Role, by: Role): Promise<void> {
    const member = await this.#require(db, person);
    requireGreatest(by, member.role);
    requireGreatest(by, role);
    if (role !== "owner") await this.#requireOtherOwner(db, member);
    await this.#setRole(db, person, role);
  }

  async remove(db: RowDatabase, person: string, by: Role): Promise<void> {
    const member = await this.#require(db, person);
    requireGreatest(by, member.role);
    await this.#requireOtherOwner(db, member);
    await this.#rows.remove(db, "member", [{ column: "person", operator: "eq", value: person }]);
    this.#host.accessChanged(person);
  }

  async transfer(db: RowDatabase, from: string, to: string): Promise<void> {
    const [owner, heir] = [await this.#require(db, from), await this.#require(db, to)];
    requireGreatest(owner.role, "owner");
    if (owner.person === heir.person) return;
    await this.#setRole(db, to, "owner");
    await this.#setRole(db, from, "admin");
  }

  async #setRole(db: RowDatabase, person: string, role: Role): Promise<void> {
    await this.#rows.update(db, "member", [{ column: "person", operator: "eq", value: person }], { role });
    this.#host.accessChanged(person);
  }

  async #requireOtherOwner(db: RowDatabase, member: Member): Promise<void> {
    if (member.role !== "owner") return;
    const owners = await this.#rows.find(db, "member", [{ column: "role", operator: "eq", value: "owner" }]);
    if (owners.length > 1) return;
    const message = "This is the last owner. Make another member an owner first.";
    throw new HoldfastError("member", "last_owner", message, { statusCode: 409 });
  }
}

export function memberNotFound(): HoldfastError {
  const message = "There is no such member in this organization";
  return new HoldfastError("member", "not_found", message, { statusCode: 404 });
}

export function invitationNotFound(): HoldfastError {
  const message = "This invitation was used or withdrawn, or has expired. Ask for another one.";
  return new HoldfastError("invitation", "not_found", message, { statusCode: 404 });
}

/** Nobody gives, changes or takes away a greater role than their own. Throws `member.forbidden_role`. */
export function requireGreatest(by: Role, role: Role): void {
  if (isAtLeast(by, role)) return;
  const message = `Your role "${by}" does not allow changes of the role "${role}"`;
  throw new HoldfastError("member", "forbidden_role", message, { statusCode: 403 });
}

function toRole(value: unknown): Role {
  return roles.find((role) => role === value) ?? "viewer";
}

function toMember(row: Row): Member {
  const seenAt = row["seen_at"];
  return {
    person: String(row["person"]),
    name: String(row["name"]),
    email: String(row["email"]),
    role: toRole(row["role"]),
    joinedAt: Number(row["joined_at"]),
    seenAt: typeof seenAt === "number" ? seenAt : null,
  };
}

function toInvitation(row: Row): Invitation {
  const email = row["email"];
  return {
    id: String(row["id"]),
    role: toRole(row["role"]),
    email: typeof email === "string" ? email : null,
    createdBy: String(row["created_by"]),
    createdAt: Number(row["created_at"]),
    expiresAt: Number(row["expires_at"]),
  };
}
