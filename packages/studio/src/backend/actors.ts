import { createAccessActor } from "./access.ts";
import { createAdministrationActor } from "./administration/administration.ts";
import { createBillingActor } from "./billing/actor.ts";
import { createEnvironmentActor } from "./environment/actor.ts";
import { createGroupActor } from "./group.ts";
import type { BackendHost } from "./host.ts";
import { createAttentionActor } from "./inbox/attention.ts";
import { createInboxActor } from "./inbox/inbox.ts";
import { createNotificationsActor } from "./notifications/actor.ts";
import { createOrganizationActor } from "./organization.ts";
import { createOrganizationDirectoryActor } from "./organizations/directory.ts";
import { createAttachmentActor } from "./prompts/attachment.ts";
import { createDraftsActor } from "./prompts/drafts.ts";
import { createRepositoryActor } from "./repositories/repository.ts";
import { createSchedulesActor } from "./schedules/schedules.ts";
import { createSessionActor } from "./session.ts";
import { createTaskActor } from "./task.ts";
import { createUsageActor } from "./usage/usage.ts";

/** All actors of the Studio, keyed by the names that clients use. */
export function createActors(host: BackendHost) {
  return {
    organization: createOrganizationActor(host),
    organizations: createOrganizationDirectoryActor(host),
    task: createTaskActor(host),
    session: createSessionActor(host),
    access: createAccessActor(host),
    environment: createEnvironmentActor(host),
    repository: createRepositoryActor(host),
    group: createGroupActor(host),
    attention: createAttentionActor(host),
    inbox: createInboxActor(host),
    attachment: createAttachmentActor(host),
    drafts: createDraftsActor(host),
    schedules: createSchedulesActor(host),
    notifications: createNotificationsActor(host),
    usage: createUsageActor(host),
    billing: createBillingActor(host),
    administration: createAdministrationActor(host),
  };
}
