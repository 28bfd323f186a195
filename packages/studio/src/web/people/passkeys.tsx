import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, ErrorNotice, Loading, TimeAgo } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { type SubmitEvent, useId, useState } from "react";
import type { PasskeyView } from "../../contract/people.ts";
import { deviceName } from "../shared/browser/device.ts";
import {
  addPasskey,
  canUsePasskeys,
  isPasskeyCancelled,
  passkeyProblem,
} from "../shared/browser/passkeys.ts";
import { passkeysQuery, peopleApi, usePeopleChange } from "./queries.ts";

/** Passkeys of the person, and the form for a new one. */
export function Passkeys() {
  const passkeys = useQuery(passkeysQuery);
  return (
    <section aria-labelledby="passkeys-heading">
      <h2 id="passkeys-heading">Passkeys</h2>
      <p className="muted">
        Sign in with your fingerprint, face or PIN instead of the password. A passkey works for this site
        only.
      </p>
      {canUsePasskeys() ? <AddPasskey /> : <NoPasskeys />}
      {passkeys.isPending && <Loading label="Loading passkeys" rows={1} />}
      {passkeys.isError && passkeys.data === undefined && (
        <ErrorNotice error={passkeys.error} onRetry={() => void passkeys.refetch()} />
      )}
      {passkeys.data !== undefined && passkeys.data.length > 0 && (
        <ul className="rows" aria-label="Your passkeys">
          {passkeys.data.map((passkey) => (
            <PasskeyRow key={passkey.id} passkey={passkey} />
          ))}
        </ul>
      )}
    </section>
  );
}

function NoPasskeys() {
  const { hostname, port } = window.location;
  const isHere = hostname === "127.0.0.1";
  return (
    <p className="notice">
      {isHere ? (
        <>
          Passkeys need a name instead of an IP address. Open{" "}
          <a href={`http://localhost:${port}/account`}>localhost:{port}</a> and sign in there.
        </>
      ) : (
        "This browser cannot use passkeys at this address. They need HTTPS and a name."
      )}
    </p>
  );
}

function AddPasskey() {
  const id = useId();
  const [name, setName] = useState(() => deviceName(navigator.userAgent));
  const add = usePeopleChange(() => addPasskey(name.trim()));
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!add.isPending && name.trim() !== "") add.mutate(undefined);
  };
  return (
    <form className="passkey-form" onSubmit={submit}>
      <div className="field">
        <label htmlFor={id}>Name of the new passkey</label>
        <input
          id={id}
          value={name}
          maxLength={100}
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <button type="submit" className="button" disabled={add.isPending || name.trim() === ""}>
        {add.isPending && <span className="spinner" aria-hidden="true" />}
        Add a passkey
      </button>
      <span className="muted" role="status">
        {add.isSuccess ? "Added." : isPasskeyCancelled(add.error) ? "No passkey was added." : ""}
      </span>
      {add.isError && !isPasskeyCancelled(add.error) && <ErrorNotice error={passkeyProblem(add.error)} />}
    </form>
  );
}

function PasskeyRow({ passkey }: { readonly passkey: PasskeyView }) {
  const [isEditing, setEditing] = useState(false);
  const remove = usePeopleChange(() => peopleApi.removePasskey(passkey.id));
  const name = visibleText(passkey.name);
  return (
    <li className="row person-row" data-passkey={passkey.name}>
      <div className="row-main">
        {isEditing ? (
          <RenamePasskey passkey={passkey} onDone={() => setEditing(false)} />
        ) : (
          <p className="row-title">{name}</p>
        )}
        <p className="muted">
          {passkey.isSynced ? "On several devices" : "On one device"}
          {passkey.site !== window.location.hostname && `, for ${passkey.site}`}, added{" "}
          <TimeAgo at={passkey.createdAt} />
          {passkey.lastUsedAt !== null && (
            <>
              , used <TimeAgo at={passkey.lastUsedAt} />
            </>
          )}
        </p>
      </div>
      <div className="person-actions">
        {!isEditing && (
          <button
            type="button"
            className="button button-small"
            aria-label={`Rename ${name}`}
            onClick={() => setEditing(true)}
          >
            Rename
          </button>
        )}
        <ConfirmButton
          className="button button-small button-stop"
          label="Remove"
          accessibleLabel={`Remove ${name}`}
          title={`Remove ${name}?`}
          confirmLabel="Remove"
          onConfirm={() => remove.mutateAsync(undefined)}
        >
          <p>
            It signs in no more. Your other passkeys and your password still do. Delete it on the device too.
          </p>
        </ConfirmButton>
      </div>
    </li>
  );
}

function RenamePasskey({ passkey, onDone }: { readonly passkey: PasskeyView; readonly onDone: () => void }) {
  const [name, setName] = useState(passkey.name);
  const rename = usePeopleChange(() => peopleApi.renamePasskey(passkey.id, name.trim()));
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!rename.isPending && name.trim() !== "") rename.mutate(undefined, { onSuccess: onDone });
  };
  return (
    <form className="passkey-rename" onSubmit={submit}>
      <input
        aria-label={`New name of ${visibleText(passkey.name)}`}
        value={name}
        maxLength={100}
        autoComplete="off"
        // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here
        autoFocus
        onChange={(event) => setName(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onDone();
        }}
      />
      <button type="submit" className="button button-small" disabled={rename.isPending || name.trim() === ""}>
        Save
      </button>
      {rename.isError && <ErrorNotice error={rename.error} />}
    </form>
  );
}
