import { ErrorNotice } from "@holdfast/web-parts";
import { type FormEvent, useId, useState } from "react";
import { inboxKinds } from "../../contract/inbox.ts";
import type { QuietHours } from "../../contract.ts";
import { Section, type SectionProps } from "./parts.tsx";
import { useChoice } from "./queries.ts";
import { kindNames } from "./words.ts";

function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Times without notifications. */
export function Quiet({ person, view }: SectionProps) {
  const choose = useChoice(person);
  const { quietHours } = view.choices;
  const initial: QuietHours = { from: "22:00", to: "07:00", timeZone: browserZone(), breaksThrough: [] };
  return (
    <Section title="Quiet hours">
      <label className="check">
        <input
          type="checkbox"
          checked={quietHours !== null}
          disabled={choose.isPending}
          onChange={(event) => choose.mutate({ quietHours: event.target.checked ? initial : null })}
        />
        Hold notifications at night
      </label>
      {quietHours !== null && (
        <HoursForm
          key={JSON.stringify(quietHours)}
          hours={quietHours}
          isPending={choose.isPending}
          onSave={(next) => choose.mutate({ quietHours: next })}
        />
      )}
      {choose.isError && <ErrorNotice error={choose.error} title="The quiet hours were not saved." />}
    </Section>
  );
}

function HoursForm({
  hours,
  isPending,
  onSave,
}: {
  readonly hours: QuietHours;
  readonly isPending: boolean;
  readonly onSave: (hours: QuietHours) => void;
}) {
  const id = useId();
  const [draft, setDraft] = useState(hours);
  const isChanged = JSON.stringify(draft) !== JSON.stringify(hours);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isChanged && !isPending) onSave(draft);
  };
  const zones = [...new Set([draft.timeZone, browserZone(), "UTC", ...Intl.supportedValuesOf("timeZone")])];
  return (
    <form className="quiet-form" onSubmit={submit}>
      <div className="quiet-times">
        {(["from", "to"] as const).map((name) => (
          <div className="field" key={name}>
            <label htmlFor={`${id}-${name}`}>{name === "from" ? "From" : "To"}</label>
            <input
              id={`${id}-${name}`}
              type="time"
              required
              value={draft[name]}
              onChange={(event) => setDraft({ ...draft, [name]: event.target.value })}
            />
          </div>
        ))}
        <div className="field">
          <label htmlFor={`${id}-zone`}>Time zone</label>
          <select
            id={`${id}-zone`}
            value={draft.timeZone}
            onChange={(event) => setDraft({ ...draft, timeZone: event.target.value })}
          >
            {zones.map((zone) => (
              <option key={zone} value={zone}>
                {zone}
              </option>
            ))}
          </select>
        </div>
      </div>
      <fieldset className="quiet-kinds">
        <legend>Delivered all the same</legend>
        {inboxKinds.map((kind) => (
          <label className="check" key={kind}>
            <input
              type="checkbox"
              checked={draft.breaksThrough.includes(kind)}
              onChange={(event) =>
                setDraft({
                  ...draft,
                  breaksThrough: inboxKinds.filter((each) =>
                    each === kind ? event.target.checked : draft.breaksThrough.includes(each),
                  ),
                })
              }
            />
            {kindNames[kind]}
          </label>
        ))}
      </fieldset>
      <div className="notification-buttons">
        <button type="submit" className="button" disabled={!isChanged || isPending}>
          Save quiet hours
        </button>
      </div>
    </form>
  );
}
