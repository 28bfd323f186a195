/** `holdfast tasks`: lists, shows, stops, applies, archives and deletes tasks, and starts and uses their sessions. */
import { commandOfVerbs } from "../verbs/command.ts";
import { listingVerbs, listVerbs } from "./list-verbs.ts";
import { ownerVerbs } from "./owners/verbs.ts";
import { sessionVerbs } from "./session-verbs.ts";
import { workVerbs } from "./work-verbs.ts";

export const tasksCommand = commandOfVerbs({
  name: "tasks",
  verbs: { ...listingVerbs, ...workVerbs, ...sessionVerbs, ...listVerbs, ...ownerVerbs },
  outro:
    "--session takes the name or the id of a session (default: the first one that is open). Reviews,\n" +
    "queued prompts, checks and pull requests have commands of their own: review, queue, checks, pulls.",
});
