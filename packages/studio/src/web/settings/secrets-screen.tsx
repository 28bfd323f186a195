import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, clearSent, Empty, ErrorNotice, Loading, useAnnounce } from "@holdfast/web-parts";
import { formatDateTime } from "@holdfast/web-parts/format";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type SubmitEvent, useId, useState } from "react";
import type { SecretUseView, SecretView } from "../../contract/administration.ts";
import { Command } from "../shared/command.tsx";
import { useApi } from "../shared/context.ts";
import { secretsQuery, useSettingsChange } from "./queries.ts";
import { SettingsPage } from "./settings-page.tsx";

/** The secrets of the vault: set, rotated and deleted, and never shown. */
export function SecretsScreen() {
  const query = useQuery(secretsQuery(useApi()));
  const { data } = query;
  return (
    <SettingsPage title="Secrets" needs="operator">
      <p className="muted">
        Encrypted on this host. A value is never shown again and never enters a jail: the egress proxy puts it
        into the requests that a grant allows. Nobody can use a secret before it is granted.
      </p>
      <SecretForm />
      {query.isPending && <Loading label="Loading secrets" rows={3} />}
      {query.isError && data === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      {data?.length === 0 && <Empty title="There are no secrets" />}
      {data !== undefined && data.length > 0 && (
        <ul className="rows" aria-label="Secrets">
          {data.map((secret) => (
            <Row key={`${secret.owner} ${secret.name}`} secret={secret} />
          ))}
        </ul>
      )}
    </SettingsPage>
  );
}

interface NewSecret {
  readonly name: string;
  readonly value: string;
}

function SecretForm() {
  const id = useId();
  const announce = useAnnounce();
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const set = useSettingsChange<NewSecret>((api, secret) =>
    api.administration.setSecret(secret.name, secret.value),
  );
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (set.isPending || name.trim() === "" || value === "") return;
    set.mutate(
      { name: name.trim(), value },
      {
        onSuccess() {
          announce("The secret is stored.");
          setName(clearSent(name));
          setValue(clearSent(value));
        },
      },
    );
  };
  return (
    <form className="settings-form" onSubmit={submit} aria-label="New secret">
      <div className="field">
        <label htmlFor={`${id}-name`}>Name</label>
        <input
          id={`${id}-name`}
          value={name}
          autoComplete="off"
          placeholder="deploy-token"
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-value`}>Value</label>
        <input
          id={`${id}-value`}
          type="password"
          value={value}
          autoComplete="new-password"
          onChange={(event) => setValue(event.target.value)}
        />
      </div>
      <button
        type="submit"
        className="button button-primary"
        disabled={set.isPending || name.trim() === "" || value === ""}
      >
        Store secret
      </button>
      {set.isError && <ErrorNotice error={set.error} title="The secret was not stored." />}
    </form>
  );
}

function Row({ secret }: { readonly secret: SecretView }) {
  const [isRotating, setRotating] = useState(false);
  const remove = useSettingsChange<string>((api, name) => api.administration.deleteSecret(name));
  const name = visibleText(secret.name);
  const isOfHost = secret.owner === "";
  return (
    <li className="row secret-row" data-secret={secret.name}>
      <div className="row-main">
        <p className="row-title">
          {name} {!isOfHost && <span className="muted">of {visibleText(secret.owner)}</span>}
        </p>
        {secret.uses.length === 0 ? (
          <>
            <p className="muted">Nobody can use it yet. Grant it:</p>
            <Command text={`npx holdfast grants add --secret ${secret.name} --for agent=NAME --host HOST`} />
          </>
        ) : (
          <ul className="secret-uses">
            {secret.uses.map((use) => (
              <li key={use.id} className="muted">
                <Use use={use} />
              </li>
            ))}
          </ul>
        )}
        {isRotating && <Rotation name={secret.name} onDone={() => setRotating(false)} />}
      </div>
      {isOfHost && (
        <span className="secret-actions">
          <button
            type="button"
            className="button button-small"
            aria-expanded={isRotating}
            aria-label={`Rotate ${name}`}
            onClick={() => setRotating(!isRotating)}
          >
            Rotate
          </button>
          <ConfirmButton
            className="button button-small button-stop"
            label="Delete"
            accessibleLabel={`Delete ${name}`}
            title={`Delete ${name}?`}
            confirmLabel="Delete"
            onConfirm={() => remove.mutateAsync(secret.name)}
          >
            <p>Requests that need it are refused from now on. Its value cannot be brought back.</p>
          </ConfirmButton>
        </span>
      )}
    </li>
  );
}

function Use({ use }: { readonly use: SecretUseView }) {
  if (use.kind === "repository")
    return (
      <>
        Repository{" "}
        <Link to="/repositories/$repositoryId" params={{ repositoryId: use.id }}>
          {visibleText(use.name)}
        </Link>
      </>
    );
  return (
    <>
      {visibleText(use.principal)}: {use.methods.join(", ")} {visibleText(use.host)}
      {visibleText(use.pathPrefix)}
      {use.expiresAt === undefined ? "" : `, until ${formatDateTime(use.expiresAt)}`}
    </>
  );
}

function Rotation({ name, onDone }: { readonly name: string; readonly onDone: () => void }) {
  const id = useId();
  const announce = useAnnounce();
  const [value, setValue] = useState("");
  const set = useSettingsChange<string>((api, next) => api.administration.setSecret(name, next));
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (set.isPending || value === "") return;
    set.mutate(value, {
      onSuccess() {
        announce("The new value is in force for the next request.");
        onDone();
      },
    });
  };
  return (
    <form className="settings-form" onSubmit={submit} aria-label={`New value of ${visibleText(name)}`}>
      <div className="field">
        <label htmlFor={id}>New value</label>
        <input
          id={id}
          type="password"
          value={value}
          autoComplete="new-password"
          onChange={(event) => setValue(event.target.value)}
        />
      </div>
      <button type="submit" className="button button-primary" disabled={set.isPending || value === ""}>
        Replace the value
      </button>
      {set.isError && <ErrorNotice error={set.error} title="The value was not replaced." />}
    </form>
  );
}
