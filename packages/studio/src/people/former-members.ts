import { isErrorCode } from "@holdfast/core";
import { roles } from "../access/roles.ts";
import { studioLimits } from "../limits.ts";
import { invalidArchive } from "../portability/archive.ts";
import type { NewInvitation } from "./actors/members.ts";
import type { PeopleActors } from "./actors/people-actors.ts";
import { newSecret, sha256 } from "./hash.ts";

/**
 * Invites somebody who was a member of an imported organization, with the role that they had. Nobody gets the link: an admin
 * renews the invitation and sends it. Those beyond the most that can be open are left out.
 */
export async function inviteFormer(
  actors: PeopleActors,
  organization: string,
  given: { readonly email: string; readonly role: string; readonly by: string; readonly now: number },
): Promise<void> {
  const role = roles.find((each) => each === given.role);
  if (role === undefined) throw invalidArchive("a role is none");
  const invitation: NewInvitation = {
    ...{ id: crypto.randomUUID(), role, email: given.email, createdBy: given.by, createdAt: given.now },
    ...{ expiresAt: given.now + studioLimits.invitationTtlMs, hash: sha256(newSecret()) },
  };
  try {
    await actors.members(organization, "invite", invitation, "owner");
  } catch (error) {
    if (!isErrorCode(error, "invitation", "too_many")) throw error;
  }
}
