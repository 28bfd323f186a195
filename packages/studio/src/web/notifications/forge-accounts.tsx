import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, CopyButton, ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import type { AccountLink, ForgeAccount } from "../../contract.ts";
import { accountName, forgeAccountsQuery, proofWords, useAccountChange } from "../shared/accounts/queries.ts";
import { useApi } from "../shared/context.ts";
import { isOfForge, repositoriesQuery } from "../shared/new-task/repositories.ts";
import { useProfile } from "../shared/people.ts";
import { Section } from "./parts.tsx";

/** The person's accounts at forges. Nothing is shown before a repository of a forge is connected. */
export function ForgeAccounts({ person }: { readonly person: string }) {
  const api = useApi();
  const repositories = (useQuery(repositoriesQuery(api)).data ?? []).filter(isOfForge);
  const accounts = useQuery(forgeAccountsQuery(api));
  const own = (accounts.data ?? []).filter((account) => account.person === person);
  const profile = useProfile();
  // Without accounts here, nobody could take one from anybody.
  const isOperator = profile === undefined || profile.isOperator;
  if (repositories.length === 0 && own.length === 0) return null;
  return (
    <Section title="Accounts at GitHub, GitLab and Gitea">
      <p className="muted">
        Reviews that are requested from your account, and comments that mention it, come into your inbox.
      </p>
      {accounts.isError && <ErrorNotice error={accounts.error} onRetry={() => void accounts.refetch()} />}
      {own.length > 0 && (
        <ul className="rows" aria-label="Your accounts">
          {own.map((account) => (
            <AccountRow key={account.server} account={account} />
          ))}
        </ul>
      )}
      {repositories.length > 0 && accounts.data !== undefined && (
        <LinkForm repositories={repositories} person={person} isOperator={isOperator} />
      )}
    </Section>
  );
}

function AccountRow({ account }: { readonly account: ForgeAccount }) {
  const remove = useAccountChange((accounts, server: string) => accounts.unlinkForgeAccount(server));
  const name = visibleText(accountName(account));
  return (
    <li className="row notification-row" data-account={account.login}>
      <div className="row-main">
        <p className="row-title">{name}</p>
        <p className="muted">{proofWords[account.proof]}</p>
      </div>
      <ConfirmButton
        className="button button-small button-stop"
        label="Remove"
        accessibleLabel={`Remove ${name}`}
        title={`Remove ${name}?`}
        confirmLabel="Remove"
        onConfirm={() => remove.mutateAsync(account.server)}
      >
        <p>Its review requests leave your inbox. You can link it again.</p>
      </ConfirmButton>
    </li>
  );
}

function LinkForm({
  repositories,
  person,
  isOperator,
}: {
  readonly repositories: readonly { readonly id: string; readonly name: string }[];
  readonly person: string;
  readonly isOperator: boolean;
}) {
  const id = useId();
  const announce = useAnnounce();
  const [repository, setRepository] = useState(repositories[0]?.id ?? "");
  const [login, setLogin] = useState("");
  const [link, setLink] = useState<AccountLink>();
  const begin = useAccountChange(async (accounts, input: { repository: string; login: string }) => {
    if (isOperator) await accounts.setForgeAccount({ person, ...input });
    else setLink(await accounts.beginAccountLink(input));
  });
  const done = () => {
    setLink(undefined);
    setLogin("");
    announce("The account is linked.");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (login.trim() === "" || begin.isPending) return;
    const input = { repository, login: login.trim().replace(/^@/, "") };
    begin.mutate(input, { onSuccess: () => isOperator && done() });
  };
  if (link !== undefined) return <Confirm link={link} onDone={done} onCancel={() => setLink(undefined)} />;
  return (
    <form className="notification-form" onSubmit={submit}>
      <div className="field">
        <label htmlFor={`${id}repository`}>At the server of</label>
        <select
          id={`${id}repository`}
          value={repository}
          onChange={(event) => setRepository(event.target.value)}
        >
          {repositories.map((each) => (
            <option key={each.id} value={each.id}>
              {visibleText(each.name)}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}login`}>Name of your account there</label>
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
      <button type="submit" className="button" disabled={login.trim() === "" || begin.isPending}>
        Link account
      </button>
      {begin.isError && <ErrorNotice error={begin.error} title="The account was not linked." />}
    </form>
  );
}

/** The code that the account writes in a comment, and the question whether it has. */
function Confirm({
  link,
  onDone,
  onCancel,
}: {
  readonly link: AccountLink;
  readonly onDone: () => void;
  readonly onCancel: () => void;
}) {
  const confirm = useAccountChange((accounts, _input: undefined) => accounts.confirmAccountLink());
  return (
    <fieldset className="notice secret">
      <legend>Prove that {visibleText(link.login)} is yours</legend>
      <p>
        As {visibleText(link.login)}, write this as a comment on any pull request or issue of{" "}
        {visibleText(link.repository)}, with nothing else in it. You can delete it afterwards.
      </p>
      <p className="command">
        <code>{link.code}</code>
        <CopyButton text={link.code} label="Copy the code" />
      </p>
      <div className="notification-buttons">
        <button
          type="button"
          className="button button-primary"
          disabled={confirm.isPending}
          onClick={() => confirm.mutate(undefined, { onSuccess: onDone })}
        >
          {confirm.isPending ? "Looking…" : "I have written it"}
        </button>
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
      {confirm.isError && <ErrorNotice error={confirm.error} title="The account was not linked." />}
    </fieldset>
  );
}
