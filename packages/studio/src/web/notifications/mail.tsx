import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice } from "@holdfast/web-parts";
import { type FormEvent, useId, useState } from "react";
import { Section, type SectionProps, TestButton } from "./parts.tsx";
import { useChoice, useNotificationChange } from "./queries.ts";

const delays = [0, 1, 5, 15, 60, 240] as const;

function delayName(minutes: number): string {
  if (minutes === 0) return "At once";
  if (minutes % 60 === 0) return minutes === 60 ? "After 1 hour" : `After ${minutes / 60} hours`;
  return minutes === 1 ? "After 1 minute" : `After ${minutes} minutes`;
}

/** Mails: to which address, and after how long. */
export function MailSection({ person, view }: SectionProps) {
  const id = useId();
  const { mail, choices } = view;
  const choose = useChoice(person);
  const { mailAfterMinutes } = choices;
  if (!mail.isAvailable)
    return (
      <Section title="Mail">
        <p className="muted">
          This server sends no mails. Whoever runs it sets <code>HOLDFAST_SMTP_URL</code> and{" "}
          <code>HOLDFAST_SMTP_FROM</code> and starts it again.
        </p>
      </Section>
    );
  return (
    <Section title="Mail">
      {mail.isChosen ? (
        <AddressForm key={mail.address} person={person} address={mail.address} />
      ) : (
        <p className="muted">To {visibleText(mail.address ?? "")}, the address of your account.</p>
      )}
      <div className="field">
        <label htmlFor={id}>What I have not read in the Studio is mailed</label>
        <select
          id={id}
          value={mailAfterMinutes}
          disabled={choose.isPending}
          onChange={(event) => choose.mutate({ mailAfterMinutes: Number(event.target.value) })}
        >
          {[...new Set([...delays, mailAfterMinutes])]
            .toSorted((a, b) => a - b)
            .map((minutes) => (
              <option key={minutes} value={minutes}>
                {delayName(minutes)}
              </option>
            ))}
        </select>
      </div>
      {choose.isError && <ErrorNotice error={choose.error} />}
      {mail.address !== null && (
        <div className="notification-buttons">
          <TestButton person={person} channel="mail" label="your mail address" />
        </div>
      )}
    </Section>
  );
}

function AddressForm({ person, address }: { readonly person: string; readonly address: string | null }) {
  const id = useId();
  const [text, setText] = useState(address ?? "");
  const save = useNotificationChange(person, (notifications, next: string | null) =>
    notifications.setMailAddress(next),
  );
  const next = text.trim() === "" ? null : text.trim();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (next !== address && !save.isPending) save.mutate(next);
  };
  return (
    <form className="notification-form" onSubmit={submit}>
      <div className="field">
        <label htmlFor={id}>Address</label>
        <input
          id={id}
          type="email"
          value={text}
          autoComplete="email"
          placeholder="you@example.org"
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <button type="submit" className="button" disabled={next === address || save.isPending}>
        Save
      </button>
      {save.isError && <ErrorNotice error={save.error} title="The address was not saved." />}
    </form>
  );
}
