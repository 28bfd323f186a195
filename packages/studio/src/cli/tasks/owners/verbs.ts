/** The owner of a task on the command line: handing it over, and finding tasks by it. */
import { UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { TaskView } from "@holdfast/studio";
import { type Verbs, verb } from "../../verbs/verb.ts";
import { findTask } from "../find-task.ts";

const toOption = {
  to: { type: "string", value: "NAME", description: "name, e-mail address or id of a member" },
} as const;

function checkReceiver(_args: readonly string[], { to }: { readonly to?: string }): void {
  if (to === undefined || to === "") throw new UsageError("Say who gets it: --to NAME");
}

/** Verbs of `holdfast tasks` about the owner of a task. */
export const ownerVerbs: Verbs = {
  "hand-over": verb({
    arguments: "ID",
    description: "offers a task of yours to another member, who accepts or declines",
    options: toOption,
    check: checkReceiver,
    async run({ client, args: [id = ""], values, print }) {
      await findTask(client, id);
      const offer = await client.task(id).offerHandover(values.to ?? "");
      print({ id, offer }, `Offered to ${offer.to.name}. Until they accept, the task stays yours.`);
    },
  }),
  accept: verb({
    arguments: "ID",
    description: "accepts a task that is offered to you",
    async run({ client, args: [id = ""], print }) {
      await client.task(id).acceptHandover(offerOf(await findTask(client, id)));
      const { owner } = await client.task(id).get();
      print({ id, owner }, "The task is yours.");
    },
  }),
  decline: verb({
    arguments: "ID",
    description: "declines it",
    async run({ client, args: [id = ""], print }) {
      await client.task(id).declineHandover(offerOf(await findTask(client, id)));
      print({ id, declined: true }, "Declined. The task stays with its owner.");
    },
  }),
  "take-back": verb({
    arguments: "ID",
    description: "takes the offer of a task back",
    async run({ client, args: [id = ""], print }) {
      await client.task(id).withdrawHandover(offerOf(await findTask(client, id)));
      print({ id, withdrawn: true }, "The offer is taken back.");
    },
  }),
  assign: verb({
    arguments: "ID",
    description: "makes a member the owner of a task at once; for admins",
    options: toOption,
    check: checkReceiver,
    async run({ client, args: [id = ""], values, print }) {
      await findTask(client, id);
      await client.task(id).assign(values.to ?? "");
      const { owner } = await client.task(id).get();
      print({ id, owner }, `Assigned to ${owner?.name ?? "nobody"}.`);
    },
  }),
};

/** Id of the open offer. Throws `task.offer_ended`. */
function offerOf({ offer }: TaskView): string {
  if (offer !== undefined) return offer.id;
  throw new HoldfastError("task", "offer_ended", "This task is not offered to anybody.", { statusCode: 409 });
}
