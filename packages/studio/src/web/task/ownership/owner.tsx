/** The owner of a task in its head, and what a person may do about it. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ChooseButton, useAnnounce } from "@holdfast/web-parts";
import { useMutation, useQuery } from "@tanstack/react-query";
import type { TaskHandover } from "../../../contract/people.ts";
import type { TaskView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { roleHere } from "../../shared/organizations/queries.ts";
import { membersQuery, useProfile } from "../../shared/people.ts";

/** Whose the task is, with what this person may do about it. Shown where there are several people. */
export function Owner({ task }: { readonly task: TaskView }) {
  const profile = useProfile();
  if (profile === undefined) return null;
  const { owner, offer, handovers } = task;
  const role = roleHere(profile);
  const isOwner = owner?.id === profile.id && role !== "viewer";
  const isAdmin = role === "admin" || role === "owner";
  return (
    <span className="task-owner">
      <span title={handovers?.map(historyText).join("\n")}>
        {owner === undefined
          ? "No owner"
          : `Owned by ${owner.id === profile.id ? "you" : visibleText(owner.name)}`}
        {offer !== undefined &&
          `, offered to ${offer.to.id === profile.id ? "you" : visibleText(offer.to.name)}`}
      </span>
      {isOwner && offer !== undefined && <TakeBack task={task} offerId={offer.id} />}
      {isOwner && offer === undefined && <HandOver task={task} />}
      {isAdmin && <Assign task={task} />}
    </span>
  );
}

function historyText({ from, to, by, at }: TaskHandover): string {
  const words = by.id === to.id ? "accepted by" : `assigned by ${visibleText(by.name)} to`;
  const before = from === undefined ? "" : `from ${visibleText(from.name)}, `;
  return `${new Date(at).toLocaleString()}: ${before}${words} ${visibleText(to.name)}`;
}

function useReceivers(task: TaskView) {
  const members = useQuery(membersQuery).data ?? [];
  return members
    .filter(({ person, role }) => role !== "viewer" && person !== task.owner?.id)
    .map(({ person, name, email }) => ({
      value: person,
      text: name === email ? visibleText(email) : `${visibleText(name)} (${visibleText(email)})`,
    }));
}

function HandOver({ task }: { readonly task: TaskView }) {
  const api = useApi();
  const announce = useAnnounce();
  return (
    <ChooseButton
      className="link-button"
      label="Hand over"
      title="Hand this task over?"
      field="To"
      options={useReceivers(task)}
      confirmLabel="Offer"
      onConfirm={async (to) => {
        const offer = await api.task(task.id).offerHandover(to);
        announce(`Offered to ${visibleText(offer.to.name)}.`);
      }}
    >
      <p>
        They find it in their inbox. Until they accept, the task stays yours, and you can take the offer back.
      </p>
    </ChooseButton>
  );
}

function Assign({ task }: { readonly task: TaskView }) {
  const api = useApi();
  const announce = useAnnounce();
  return (
    <ChooseButton
      className="link-button"
      label="Assign"
      title="Assign this task?"
      field="To"
      options={useReceivers(task)}
      confirmLabel="Assign"
      onConfirm={async (to) => {
        await api.task(task.id).assign(to);
        announce("The task was assigned.");
      }}
    >
      <p>As an admin you make a member its owner at once, without asking. An open offer ends.</p>
    </ChooseButton>
  );
}

function TakeBack({ task, offerId }: { readonly task: TaskView; readonly offerId: string }) {
  const api = useApi();
  const announce = useAnnounce();
  const withdraw = useMutation({
    mutationFn: () => api.task(task.id).withdrawHandover(offerId),
    onSuccess: () => announce("The offer is taken back."),
    onError: (error) => announce(error.message),
  });
  return (
    <button
      type="button"
      className="link-button"
      disabled={withdraw.isPending}
      onClick={() => withdraw.mutate()}
    >
      Take back
    </button>
  );
}
