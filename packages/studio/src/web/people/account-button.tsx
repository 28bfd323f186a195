import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { Member } from "../../contract/people.ts";
import type { ForgeAccount } from "../../contract.ts";
import { useAccountChange } from "../shared/accounts/queries.ts";
import { useApi } from "../shared/context.ts";
import { isOfForge, repositoriesQuery } from "../shared/new-task/repositories.ts";

/** For admins: says which account at a forge a member has. Nothing is shown without a repository of a forge. */
export function AccountButton({
  member,
  name,
  accounts,
}: {
  readonly member: Member;
  readonly name: string;
  readonly accounts: readonly ForgeAccount[];
}) {
  const id = useId();
  const repositories = (useQuery(repositoriesQuery(useApi())).data ?? []).filter(isOfForge);
  const [first] = repositories;
  const [login, setLogin] = useState(accounts.find(({ proof }) => proof === "admin")?.login ?? "");
  const [chosen, setChosen] = useState<string>();
  const set = useAccountChange((actions, input: Parameters<typeof actions.setForgeAccount>[0]) =>
    actions.setForgeAccount(input),
  );
  if (first === undefined) return null;
  const repository = chosen ?? first.id;
  return (
    <ConfirmButton
      label="Set account"
      accessibleLabel={`Set the account of ${name} at GitHub, GitLab or Gitea`}
      title={`Account of ${name} at GitHub, GitLab or Gitea`}
      confirmLabel="Save"
      onConfirm={() => {
        const given = login.trim().replace(/^@/, "");
        return set.mutateAsync({ person: member.person, repository, login: given === "" ? null : given });
      }}
    >
      <p>
        Reviews that are requested from this account come into the inbox of {name}. An account that somebody
        has proven to be theirs cannot be taken from them.
      </p>
      <div className="field">
        <label htmlFor={`${id}repository`}>At the server of</label>
        <select id={`${id}repository`} value={repository} onChange={(event) => setChosen(event.target.value)}>
          {repositories.map((each) => (
            <option key={each.id} value={each.id}>
              {visibleText(each.name)}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}login`}>Name of the account, or nothing to remove it</label>
        <input
          id={`${id}login`}
          value={login}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={101}
          onChange={(event) => setLogin(event.target.value)}
        />
      </div>
    </ConfirmButton>
  );
}
