/** Who may do what with a document. */
import { UserError } from "holdfast";
import type { User } from "../sessions.ts";
import type { Role } from "./account.ts";

export interface Member extends User {
  readonly role: Role;
}

export interface Link {
  readonly id: string;
  readonly role: "edit" | "read";
  readonly createdAt: number;
}

export function memberOf(members: readonly Member[], user: User): Member {
  const member = members.find(({ id }) => id === user.id);
  if (member !== undefined) return member;
  throw new UserError("This document is not shared with you", { code: "not_a_member" });
}

export function editorOf(members: readonly Member[], user: User): Member {
  const member = memberOf(members, user);
  if (member.role !== "read") return member;
  throw new UserError("You may read this document, not change it", { code: "read_only" });
}

export function ownerOf(members: readonly Member[], user: User): Member {
  const member = memberOf(members, user);
  if (member.role === "owner") return member;
  throw new UserError("Only the owner of the document can do this", { code: "forbidden" });
}
