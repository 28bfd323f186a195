import { useId } from "react";
import type { ScheduleEvent } from "../../contract.ts";

export const eventNames: Readonly<Record<ScheduleEvent["type"], string>> = {
  "checks-failed": "Checks of a branch fail",
  "pull-request-opened": "A pull request is opened",
  "review-requested": "A review is requested",
  labelled: "An issue or pull request gets a label",
  mentioned: "A comment, issue or pull request mentions a name",
};

/** An event in words. */
export function eventText(on: ScheduleEvent): string {
  if (on.type === "labelled") return `An issue or pull request gets the label “${on.label}”`;
  if (on.type === "mentioned") return `A comment, issue or pull request mentions @${on.name}`;
  return eventNames[on.type];
}

/** What happens at the forge, and the label or the name that it is about. */
export function EventField({
  value,
  onChange,
}: {
  readonly value: ScheduleEvent;
  readonly onChange: (value: ScheduleEvent) => void;
}) {
  const id = useId();
  return (
    <>
      <div className="schedule-field">
        <label htmlFor={`${id}-type`}>Event</label>
        <select
          id={`${id}-type`}
          value={value.type}
          aria-describedby={`${id}-help`}
          onChange={({ target }) => onChange(eventOf(target.value))}
        >
          {Object.entries(eventNames).map(([type, name]) => (
            <option key={type} value={type}>
              {name}
            </option>
          ))}
        </select>
        <p id={`${id}-help`} className="muted small">
          Of a connected repository with a webhook, and only by people who may write it. What tasks publish
          starts nothing.
        </p>
      </div>
      {value.type === "labelled" && (
        <div className="schedule-field">
          <label htmlFor={`${id}-label`}>Label</label>
          <input
            id={`${id}-label`}
            type="text"
            required
            value={value.label}
            onChange={({ target }) => onChange({ type: "labelled", label: target.value })}
          />
        </div>
      )}
      {value.type === "mentioned" && (
        <div className="schedule-field">
          <label htmlFor={`${id}-name`}>Name after the @</label>
          <input
            id={`${id}-name`}
            type="text"
            required
            value={value.name}
            onChange={({ target }) => onChange({ type: "mentioned", name: target.value })}
          />
        </div>
      )}
    </>
  );
}

function eventOf(type: string): ScheduleEvent {
  switch (type) {
    case "labelled":
      return { type, label: "" };
    case "mentioned":
      return { type, name: "holdfast" };
    case "pull-request-opened":
    case "review-requested":
      return { type };
    default:
      return { type: "checks-failed" };
  }
}
