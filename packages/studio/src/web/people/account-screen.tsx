import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading, usePageTitle } from "@holdfast/web-parts";
import { type ReactNode, type SubmitEvent, useId, useState } from "react";
import type { Profile } from "../../contract/people.ts";
import { useProfile } from "../shared/people.ts";
import { ConnectedAccounts } from "./connected-accounts.tsx";
import { Passkeys } from "./passkeys.tsx";
import { peopleApi, usePeopleChange } from "./queries.ts";
import { Sessions } from "./sessions.tsx";
import { SignOutButton } from "./sign-out-button.tsx";
import { Tokens } from "./tokens.tsx";

/** The account of whoever is signed in. */
export function AccountScreen() {
  usePageTitle("Account");
  const profile = useProfile();
  if (profile === undefined)
    return (
      <div className="page people-page">
        <Loading label="Loading your account" rows={5} />
      </div>
    );
  return (
    <div className="page people-page">
      <div className="page-head">
        <h1>Account</h1>
        <SignOutButton isOperator={profile.isOperator} />
      </div>
      {profile.isOperator ? <OperatorNote /> : <Account profile={profile} />}
    </div>
  );
}

function OperatorNote() {
  return (
    <div className="notice">
      <p>
        <strong>You are the operator of this server.</strong> The operator has no account and may do
        everything. For an account of your own, create an invitation on the page People and open its link.
      </p>
    </div>
  );
}

function Account({ profile }: { readonly profile: Profile }) {
  return (
    <>
      <section aria-labelledby="profile-heading">
        <h2 id="profile-heading">Profile</h2>
        <p className="muted">{visibleText(profile.email ?? "")}</p>
        <NameForm name={profile.name ?? ""} />
      </section>
      <section aria-labelledby="password-heading">
        <h2 id="password-heading">Password</h2>
        <PasswordForm />
      </section>
      <Passkeys />
      <ConnectedAccounts />
      <Sessions />
      <Tokens />
    </>
  );
}

function NameForm({ name }: { readonly name: string }) {
  const [text, setText] = useState(name);
  const rename = usePeopleChange((next: string) => peopleApi.rename(next));
  const next = text.trim();
  return (
    <ChangeForm
      label="Save"
      ready={next !== "" && next !== name}
      isPending={rename.isPending}
      error={rename.error}
      done={rename.isSuccess && next === name ? "Saved." : ""}
      onSubmit={() => rename.mutate(next)}
    >
      <Input label="Name" value={text} maxLength={100} autoComplete="name" onChange={setText} />
    </ChangeForm>
  );
}

function PasswordForm() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const change = usePeopleChange(() => peopleApi.changePassword(current, next));
  return (
    <ChangeForm
      label="Change password"
      ready={current !== "" && next.length >= 12}
      isPending={change.isPending}
      error={change.error}
      done={change.isSuccess && current === "" ? "Changed. All other sessions have ended." : ""}
      onSubmit={() =>
        change.mutate(undefined, {
          onSuccess() {
            setCurrent("");
            setNext("");
          },
        })
      }
    >
      <Input
        label="Current password"
        type="password"
        value={current}
        maxLength={128}
        autoComplete="current-password"
        onChange={setCurrent}
      />
      <Input
        label="New password, at least 12 characters"
        type="password"
        value={next}
        maxLength={128}
        autoComplete="new-password"
        onChange={setNext}
      />
    </ChangeForm>
  );
}

function ChangeForm({
  label,
  ready,
  isPending,
  error,
  done,
  onSubmit,
  children,
}: {
  readonly label: string;
  readonly ready: boolean;
  readonly isPending: boolean;
  readonly error: unknown;
  /** What a success is called; empty before it. */
  readonly done: string;
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (ready && !isPending) onSubmit();
  };
  return (
    <form className="account-form" onSubmit={submit}>
      {children}
      <div className="account-form-foot">
        <button type="submit" className="button" disabled={!ready || isPending}>
          {label}
        </button>
        <span className="muted" role="status">
          {done}
        </span>
      </div>
      {error !== null && <ErrorNotice error={error} />}
    </form>
  );
}

function Input({
  label,
  type = "text",
  value,
  maxLength,
  autoComplete,
  onChange,
}: {
  readonly label: string;
  readonly type?: "text" | "password";
  readonly value: string;
  readonly maxLength: number;
  readonly autoComplete: string;
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type={type}
        value={value}
        maxLength={maxLength}
        autoComplete={autoComplete}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
