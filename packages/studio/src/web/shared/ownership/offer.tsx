/** Parts about the owner of a task that several screens show. */
import "./offer.css";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { useMutation, useQuery } from "@tanstack/react-query";
import type { TaskOffer } from "../../../contract/people.ts";
import type { TaskView } from "../../../contract.ts";
import { useApi } from "../context.ts";
import { meQuery } from "../inbox/live.ts";
import { roleHere } from "../organizations/queries.ts";
import { useProfile } from "../people.ts";

/** Asks the person to whom the task is offered for an answer; nothing for everybody else. */
export function Offer({ task }: { readonly task: TaskView }) {
  const { data: me } = useQuery(meQuery(useApi()));
  const role = roleHere(useProfile());
  const { offer } = task;
  // Somebody who has become a viewer cannot answer.
  if (offer === undefined || offer.to.id !== me?.id || role === "viewer") return null;
  return <OpenOffer key={offer.id} taskId={task.id} offer={offer} />;
}

function OpenOffer({ taskId, offer }: { readonly taskId: string; readonly offer: TaskOffer }) {
  const api = useApi();
  const announce = useAnnounce();
  const answer = useMutation({
    mutationFn: (isAccepted: boolean) =>
      isAccepted ? api.task(taskId).acceptHandover(offer.id) : api.task(taskId).declineHandover(offer.id),
    onSuccess: (_, isAccepted) => announce(isAccepted ? "The task is yours." : "Declined."),
  });
  return (
    <section className="task-offer" aria-label="Offer of this task">
      <p>{visibleText(offer.by.name)} offers you this task. You own it once you accept.</p>
      <div className="task-offer-actions">
        {/* The kinds are those of approvals, so that the keys of the inbox answer both. */}
        <button
          type="button"
          className="button button-primary"
          data-kind="allow_once"
          disabled={answer.isPending}
          onClick={() => answer.mutate(true)}
        >
          Accept
        </button>
        <button
          type="button"
          className="button"
          data-kind="reject_once"
          disabled={answer.isPending}
          onClick={() => answer.mutate(false)}
        >
          Decline
        </button>
      </div>
      {answer.isError && <ErrorNotice error={answer.error} title="The answer was not taken." />}
    </section>
  );
}
