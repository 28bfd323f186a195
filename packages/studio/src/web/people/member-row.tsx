import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, ErrorNotice, TimeAgo, useAnnounce } from "@holdfast/web-parts";
import { useState } from "react";
import type { Member } from "../../contract/people.ts";
import type { ForgeAccount } from "../../contract.ts";
import { accountName, proofWords } from "../shared/accounts/queries.ts";
import { AccountButton } from "./account-button.tsx";
import { Avatar } from "./avatar.tsx";
import { peopleApi, type Role, roleNames, roleOrder, usePeopleChange } from "./queries.ts";
import { Secret } from "./secret.tsx";

interface MemberRowProps {
  readonly member: Member;
  /** Theirs at forges. */
  readonly accounts: readonly ForgeAccount[];
  readonly isSelf: boolean;
  readonly isLastOwner: boolean;
  /** Of whoever looks at it. */
  readonly role: Role;
  readonly isOperator: boolean;
}

export function MemberRow({ member, accounts, isSelf, isLastOwner, role, isOperator }: MemberRowProps) {
  const announce = useAnnounce();
  const name = visibleText(member.name);
  const change = usePeopleChange((next: Role) => peopleApi.changeRole(member.person, next));
  const isAbove = roleOrder.indexOf(member.role) > roleOrder.indexOf(role);
  const manages = (role === "admin" || role === "owner") && !isAbove;
  const [reset, setReset] = useState<string>();
  return (
    <li className="row person-row" data-member={member.email}>
      <Avatar name={name} />
      <div className="row-main">
        <p className="row-title">
          {name} {isSelf && <span className="tag">You</span>}
        </p>
        <p className="muted">
          {visibleText(member.email)}
          {" · "}
          {member.seenAt === null ? (
            "not seen yet"
          ) : (
            <>
              seen <TimeAgo at={member.seenAt} />
            </>
          )}
        </p>
        {accounts.map((account) => (
          <p key={account.server} className="muted" title={proofWords[account.proof]}>
            {visibleText(accountName(account))}
            {account.proof === "admin" && " (set by an admin)"}
          </p>
        ))}
        {change.isError && <ErrorNotice error={change.error} title="The role was not changed." />}
      </div>
      <div className="person-actions">
        {manages && !isLastOwner ? (
          <select
            aria-label={`Role of ${name}`}
            value={change.isPending ? change.variables : member.role}
            disabled={change.isPending}
            onChange={(event) => {
              const next = roleOrder.find((each) => each === event.target.value);
              if (next === undefined) return;
              change.mutate(next, {
                onSuccess: () => announce(`${name} is now ${roleNames[next].toLowerCase()}.`),
              });
            }}
          >
            {roleOrder
              .filter((each) => roleOrder.indexOf(each) <= roleOrder.indexOf(role))
              .map((each) => (
                <option key={each} value={each}>
                  {roleNames[each]}
                </option>
              ))}
          </select>
        ) : (
          <span className="tag" title={isLastOwner ? "The last owner stays owner." : undefined}>
            {roleNames[member.role]}
          </span>
        )}
        {isSelf ? (
          !isLastOwner && <LeaveButton />
        ) : (
          <>
            {role === "owner" && !isOperator && member.role !== "owner" && (
              <TransferButton member={member} name={name} />
            )}
            {manages && <AccountButton member={member} name={name} accounts={accounts} />}
            {manages && <ResetButton member={member} name={name} onReset={setReset} />}
            {manages && !isLastOwner && <RemoveButton member={member} name={name} />}
          </>
        )}
      </div>
      {reset !== undefined && (
        <Secret label={`Link for ${name}`} text={reset} onDone={() => setReset(undefined)}>
          For {name}: the link sets a new password, once, within an hour, and is not shown again.
        </Secret>
      )}
    </li>
  );
}

/** For members who have forgotten their password. */
function ResetButton({
  member,
  name,
  onReset,
}: {
  readonly member: Member;
  readonly name: string;
  /** Called with the link if the member did not get it by mail. */
  readonly onReset: (link: string | undefined) => void;
}) {
  const announce = useAnnounce();
  const reset = usePeopleChange(() => peopleApi.resetPassword(member.person));
  return (
    <ConfirmButton
      label="Reset password"
      accessibleLabel={`Reset password of ${name}`}
      title={`Reset the password of ${name}?`}
      confirmLabel="Create link"
      onConfirm={async () => {
        const { link } = await reset.mutateAsync(undefined);
        onReset(link);
        if (link === undefined) announce(`${name} got a mail with the link.`);
      }}
    >
      <p>
        {name} gets a link by mail. Without a mail server, it is shown here, for you to hand over. Their
        password works until they set another one.
      </p>
    </ConfirmButton>
  );
}

function RemoveButton({ member, name }: { readonly member: Member; readonly name: string }) {
  const remove = usePeopleChange(() => peopleApi.removeMember(member.person));
  return (
    <ConfirmButton
      className="button button-small button-stop"
      label="Remove"
      accessibleLabel={`Remove ${name}`}
      title={`Remove ${name}?`}
      confirmLabel="Remove"
      onConfirm={() => remove.mutateAsync(undefined)}
    >
      <p>Their open pages, terminals and API tokens stop working at once.</p>
      <p>
        Their tasks belong to the organization: running ones go on, every member can stop them, and an admin
        assigns them to somebody else.
      </p>
    </ConfirmButton>
  );
}

function TransferButton({ member, name }: { readonly member: Member; readonly name: string }) {
  const transfer = usePeopleChange(() => peopleApi.transfer(member.person));
  return (
    <ConfirmButton
      label="Make owner"
      accessibleLabel={`Make owner: ${name}`}
      title={`Hand the organization over to ${name}?`}
      confirmLabel="Hand over"
      onConfirm={() => transfer.mutateAsync(undefined)}
    >
      <p>{name} becomes an owner, and you become an admin. Only an owner can make you one again.</p>
    </ConfirmButton>
  );
}

function LeaveButton() {
  const leave = usePeopleChange(() => peopleApi.leave());
  return (
    <ConfirmButton
      className="button button-small button-stop"
      label="Leave"
      title="Leave this organization?"
      confirmLabel="Leave"
      onConfirm={() => leave.mutateAsync(undefined)}
    >
      <p>You lose access to its tasks, and your API tokens are deleted. Your tasks go on.</p>
      <p>To come back, you need another invitation.</p>
    </ConfirmButton>
  );
}
