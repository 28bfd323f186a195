import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  ConfirmButton,
  clearSent,
  ErrorNotice,
  Loading,
  PlusIcon,
  TimeAgo,
  useAnnounce,
} from "@holdfast/web-parts";
import { formatDateTime } from "@holdfast/web-parts/format";
import { useQuery } from "@tanstack/react-query";
import { type SubmitEvent, useId, useState } from "react";
import type { Invitation } from "../../contract/people.ts";
import {
  invitationLink,
  invitationsQuery,
  type NewInvitation,
  peopleApi,
  type Role,
  roleHints,
  roleNames,
  roleOrder,
  usePeopleChange,
} from "./queries.ts";
import { Secret } from "./secret.tsx";

/** Invites people, and shows the invitations that wait for them. */
export function Invitations({
  role,
  names,
  isFirst,
}: {
  /** Of whoever looks at it. */
  readonly role: Role;
  /** Names of members by their ids. */
  readonly names: ReadonlyMap<string, string>;
  /** True as long as there is no member. */
  readonly isFirst: boolean;
}) {
  const [made, setMade] = useState<NewInvitation>();
  const invitations = useQuery(invitationsQuery);
  const pending = invitations.data ?? [];
  return (
    <section aria-labelledby="invitations-heading" className="people-invitations">
      <h2 id="invitations-heading">Invite people</h2>
      <InviteForm role={role} initial={isFirst ? "owner" : "member"} onMade={setMade} />
      {made !== undefined && (
        <Secret
          label="Link of the invitation"
          text={invitationLink(made.token)}
          onDone={() => setMade(undefined)}
        >
          {made.mailed && "It was sent by mail. "}Send this link to{" "}
          {made.email === null ? "one person" : visibleText(made.email)}. It works once, until{" "}
          {formatDateTime(made.expiresAt)}, and is not shown again.
        </Secret>
      )}
      {invitations.isPending && <Loading label="Loading invitations" rows={1} />}
      {invitations.isError && invitations.data === undefined && (
        <ErrorNotice error={invitations.error} onRetry={() => void invitations.refetch()} />
      )}
      {pending.length > 0 && (
        <ul className="rows" aria-label="Pending invitations">
          {pending.map((invitation) => (
            <InvitationRow
              key={invitation.id}
              invitation={invitation}
              invitedBy={names.get(invitation.createdBy) ?? "the operator"}
              canManage={roleOrder.indexOf(invitation.role) <= roleOrder.indexOf(role)}
              onRenewed={setMade}
              onWithdrawn={() => setMade((known) => (known?.id === invitation.id ? undefined : known))}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

function InviteForm({
  role,
  initial,
  onMade,
}: {
  readonly role: Role;
  readonly initial: Role;
  readonly onMade: (invitation: NewInvitation) => void;
}) {
  const id = useId();
  const [email, setEmail] = useState("");
  const [chosen, setChosen] = useState<Role>(initial);
  const invite = usePeopleChange(() => peopleApi.invite(chosen, email.trim()));
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (invite.isPending) return;
    invite.mutate(undefined, {
      onSuccess(made) {
        setEmail(clearSent(email));
        onMade(made);
      },
    });
  };
  return (
    <form className="invite-form" onSubmit={submit}>
      <div className="field">
        <label htmlFor={`${id}-email`}>E-mail address (optional)</label>
        <input
          id={`${id}-email`}
          type="email"
          value={email}
          maxLength={320}
          autoComplete="off"
          placeholder="Anyone with the link"
          onChange={(event) => setEmail(event.target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-role`}>Role</label>
        <select
          id={`${id}-role`}
          value={chosen}
          aria-describedby={`${id}-hint`}
          onChange={(event) => setChosen(roleOrder.find((each) => each === event.target.value) ?? chosen)}
        >
          {roleOrder
            .filter((each) => roleOrder.indexOf(each) <= roleOrder.indexOf(role))
            .map((each) => (
              <option key={each} value={each}>
                {roleNames[each]}
              </option>
            ))}
        </select>
      </div>
      <button type="submit" className="button button-primary" disabled={invite.isPending}>
        <PlusIcon />
        Create invitation
      </button>
      <p id={`${id}-hint`} className="muted small invite-hint">
        {roleHints[chosen]}
      </p>
      {invite.isError && <ErrorNotice error={invite.error} title="There is no invitation." />}
    </form>
  );
}

function InvitationRow({
  invitation,
  invitedBy,
  canManage,
  onRenewed,
  onWithdrawn,
}: {
  readonly invitation: Invitation;
  readonly invitedBy: string;
  readonly canManage: boolean;
  readonly onRenewed: (invitation: NewInvitation) => void;
  readonly onWithdrawn: () => void;
}) {
  const announce = useAnnounce();
  const renew = usePeopleChange(() => peopleApi.renewInvitation(invitation.id));
  const withdraw = usePeopleChange(() => peopleApi.withdrawInvitation(invitation.id));
  const who = invitation.email === null ? "Anyone with the link" : visibleText(invitation.email);
  return (
    <li className="row person-row" data-invitation={invitation.email ?? ""}>
      <div className="row-main">
        <p className="row-title">{who}</p>
        <p className="muted">
          Invited by {invitedBy} <TimeAgo at={invitation.createdAt} />, valid until{" "}
          {formatDateTime(invitation.expiresAt)}
        </p>
        {renew.isError && <ErrorNotice error={renew.error} title="There is no new link." />}
      </div>
      <div className="person-actions">
        <span className="tag">{roleNames[invitation.role]}</span>
        {canManage && (
          <button
            type="button"
            className="button button-small"
            disabled={renew.isPending}
            aria-label={`New link for ${who}`}
            onClick={() =>
              renew.mutate(undefined, {
                onSuccess(made) {
                  onRenewed(made);
                  announce("The invitation has a new link. The earlier one no longer works.");
                },
              })
            }
          >
            New link
          </button>
        )}
        <ConfirmButton
          className="button button-small button-stop"
          label="Revoke"
          accessibleLabel={`Revoke the invitation of ${who}`}
          title="Revoke this invitation?"
          confirmLabel="Revoke"
          onConfirm={() => withdraw.mutateAsync(undefined)}
          onDone={onWithdrawn}
        >
          <p>Its link stops working.</p>
        </ConfirmButton>
      </div>
    </li>
  );
}
