import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, clearSent, ErrorNotice, Loading } from "@holdfast/web-parts";
import { formatDateTime } from "@holdfast/web-parts/format";
import { useQuery } from "@tanstack/react-query";
import { type SubmitEvent, useId, useState } from "react";
import type { ApiToken, TokenScope } from "../../contract/people.ts";
import { type NewToken, peopleApi, tokensQuery, usePeopleChange } from "./queries.ts";
import { Secret } from "./secret.tsx";

const scopeNames: Readonly<Record<TokenScope, string>> = {
  read: "Read",
  write: "Read and write",
  all: "All that you may",
};

const lifetimes = [7, 30, 90, 365] as const;

/** API tokens of the person, and the form for a new one. */
export function Tokens() {
  const [made, setMade] = useState<NewToken>();
  const tokens = useQuery(tokensQuery);
  return (
    <section aria-labelledby="tokens-heading">
      <h2 id="tokens-heading">API tokens</h2>
      <p className="muted">
        Scripts send one as <code>authorization: Bearer hf_…</code>. A token never manages your account.
      </p>
      <TokenForm onMade={setMade} />
      {made !== undefined && (
        <Secret label="API token" text={made.token} onDone={() => setMade(undefined)}>
          The token <strong>{visibleText(made.name)}</strong>. Copy it now: it is not shown again.
        </Secret>
      )}
      {tokens.isPending && <Loading label="Loading tokens" rows={1} />}
      {tokens.isError && tokens.data === undefined && (
        <ErrorNotice error={tokens.error} onRetry={() => void tokens.refetch()} />
      )}
      {tokens.data !== undefined && tokens.data.length > 0 && (
        <ul className="rows" aria-label="Your API tokens">
          {tokens.data.map((token) => (
            <TokenRow
              key={token.id}
              token={token}
              onDeleted={() => setMade((known) => (known?.id === token.id ? undefined : known))}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

function TokenForm({ onMade }: { readonly onMade: (token: NewToken) => void }) {
  const id = useId();
  const [name, setName] = useState("");
  const [scope, setScope] = useState<TokenScope>("read");
  const [days, setDays] = useState<number>(90);
  const create = usePeopleChange(() => peopleApi.createToken(name.trim(), scope, days));
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (create.isPending || name.trim() === "") return;
    create.mutate(undefined, {
      onSuccess(made) {
        setName(clearSent(name));
        onMade(made);
      },
    });
  };
  return (
    <form className="token-form" onSubmit={submit}>
      <div className="field">
        <label htmlFor={`${id}-name`}>Name</label>
        <input
          id={`${id}-name`}
          value={name}
          maxLength={100}
          autoComplete="off"
          placeholder="Nightly report"
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-scope`}>Scope</label>
        <select
          id={`${id}-scope`}
          value={scope}
          onChange={(event) => setScope(event.target.value as TokenScope)}
        >
          {Object.entries(scopeNames).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-days`}>Expires after</label>
        <select id={`${id}-days`} value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {lifetimes.map((each) => (
            <option key={each} value={each}>
              {each} days
            </option>
          ))}
        </select>
      </div>
      <button type="submit" className="button" disabled={create.isPending || name.trim() === ""}>
        Create token
      </button>
      {create.isError && <ErrorNotice error={create.error} title="There is no token." />}
    </form>
  );
}

function TokenRow({ token, onDeleted }: { readonly token: ApiToken; readonly onDeleted: () => void }) {
  const remove = usePeopleChange(() => peopleApi.deleteToken(token.id));
  const name = visibleText(token.name);
  return (
    <li className="row person-row" data-token={token.name}>
      <div className="row-main">
        <p className="row-title">{name}</p>
        <p className="muted">
          {scopeNames[token.scope]}, {token.expiresAt <= Date.now() ? "expired" : "until"}{" "}
          {formatDateTime(token.expiresAt)}
        </p>
      </div>
      <ConfirmButton
        className="button button-small button-stop"
        label="Revoke"
        accessibleLabel={`Revoke ${name}`}
        title={`Revoke ${name}?`}
        confirmLabel="Revoke"
        onConfirm={() => remove.mutateAsync(undefined)}
        onDone={onDeleted}
      >
        <p>Programs that use it are refused from now on.</p>
      </ConfirmButton>
    </li>
  );
}
